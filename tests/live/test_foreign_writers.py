"""Other programs that write the same market, and the deadlines of events that contend with them."""
import contextlib
import subprocess
import sys
from pathlib import Path

import pytest

from load import mixed
from market import deposit, grant, list_, purchase, restock
from process import start, until
from proxy import Proxy, holds_exec

FOREIGN = "foreign"


@contextlib.contextmanager
def writers(market, count, pause_ms):
    """Runs foreign writers; yields a list that holds their numbers of commits after the with block."""
    commits = []
    running = [start([sys.executable, Path(__file__).with_name("foreign_writer.py"), market.server.socket, market.database, market.key("market:"),
                      f"{FOREIGN}{n}", pause_ms], stdout=subprocess.PIPE, text=True) for n in range(count)]
    try:
        until(lambda: market.redis.exists(market.key("market:")), 20, "no foreign writer began")
        yield commits
    finally:
        for process in running:
            process.terminate()
        commits += [int(process.communicate(timeout=90)[0] or 0) for process in running]


def test_nothing_expires_beside_a_writer_that_pauses_5_ms_between_its_commits(make_market):
    market = make_market(partitions=3)
    daemon = market.daemon()
    with writers(market, 1, 5) as commits:
        market.send_all(mixed(10000, 3))
        market.outcomes(timeout=60, alive=[daemon])
    assert commits[0] > 20
    counts = market.audit(foreign=FOREIGN).counts
    assert counts["expired"] == 0 and counts["applied"] > 5000


def test_beside_writers_without_a_pause_what_is_not_decided_otherwise_expires_and_the_daemon_lives(make_market):
    market = make_market(partitions=2, settings={"deadline_ms.list": 300, "deadline_ms.unlist": 300, "deadline_ms.purchase": 300})
    daemon = market.daemon()
    with writers(market, 4, 0) as commits:
        market.send_all(mixed(400, 2))
        market.outcomes(timeout=90, alive=[daemon])
    assert sum(commits) > 50
    quiet = market.play([deposit("after", 1), grant("after", "i"), list_("after", "i", 1)])
    assert [o.status for o in quiet] == ["applied"] * 3
    market.audit(foreign=FOREIGN)


@pytest.fixture
def rival(market):
    """rival(times): somebody who writes market: just before each EXEC, so that its WATCH is dirty; `times` None: always."""
    proxies = []

    def make(times=None):
        left = [times]

        def before(request):
            if holds_exec(request) and left[0] != 0:
                left[0] = None if left[0] is None else left[0] - 1
                client.zincrby(market.key("market:"), 1, f"{FOREIGN}.{FOREIGN}")

        client = market.server.client(db=market.database)
        proxies.append(Proxy(market.server, before))
        market.settings["redis.address"] = proxies[-1].address
        return market

    yield make
    for proxy in proxies:
        proxy.close()


def test_an_event_expires_once_it_was_itself_in_conflict_past_its_deadline(rival):
    market = rival()
    daemon = market.daemon()
    market.send_all([grant("s", "i"), list_("s", "i", 1, deadline_ms=1), restock("k", 1), list_("s", "i", 2, deadline_ms=500), deposit("b", 1)])
    outcomes = market.outcomes(alive=[daemon])
    assert [o.verdict for o in outcomes] == [
        ("applied", None), ("expired", "deadline"), ("applied", None), ("expired", "deadline"), ("applied", None)]
    assert all(o.facts == {} and o.value["attempts"] > 1 for o in outcomes if o.status == "expired")
    assert market.holds("s", "i") and market.listed("i", "s") is None
    market.audit(foreign=FOREIGN)


def test_the_deadline_of_a_kind_is_the_files(rival):
    market = rival()
    market.daemon(deadline_ms__list=200, deadline_ms__purchase=0)
    market.send_all([grant("s", "i"), list_("s", "i", 1)])
    assert [o.status for o in market.outcomes()] == ["applied", "expired"]
    market.audit(foreign=FOREIGN)


def test_an_event_without_a_deadline_outlives_any_contention(rival):
    market = rival(times=60)
    daemon = market.daemon(deadline_ms__list=0, conflict__backoff_max_ms=5)
    market.send_all([grant("s", "i"), list_("s", "i", 1)])
    outcomes = market.outcomes(alive=[daemon])
    assert [o.status for o in outcomes] == ["applied"] * 2 and outcomes[1].value["attempts"] > 40
    market.audit(foreign=FOREIGN)


def test_a_conflict_that_ends_before_the_deadline_expires_nothing(rival):
    market = rival(times=20)
    market.daemon()
    market.send_all([grant("s", "i"), list_("s", "i", 1), deposit("b", 1), purchase("b", "s", "i", 1)])
    assert [o.status for o in market.outcomes()] == ["applied"] * 4
    market.audit(foreign=FOREIGN)
