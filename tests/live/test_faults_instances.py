"""Several instances: one frozen past its session and continued, others that come and go under load."""
import re

import pytest

from faults import SHORT_SESSION, Relay
from load import Feeder, mixed
from process import until

STICKY = {"kafka.consumer": [*SHORT_SESSION["kafka.consumer"], "partition.assignment.strategy=cooperative-sticky"]}


def owners(market):
    """The epoch of every mark: a take-over writes a fresh one."""
    return [market.mark(p).get("epoch") for p in range(market.partitions)]


def taken_by_another(market, before):
    until(lambda: not set(before) & set(owners(market)), 30, "nobody took over")


def stands_by(daemon):
    return re.findall(r"assigned by the group partitions=(\d+)", daemon.log())[-1:] == ["0"]


@pytest.mark.parametrize("end", ["stop", "kill"])
def test_one_that_stood_by_takes_over(make_market, end):
    market = make_market(settings=SHORT_SESSION)
    daemons = [market.daemon(), market.daemon()]
    until(lambda: any(map(stands_by, daemons)), 20, "nobody stands by")
    owner, standby = sorted(daemons, key=stands_by)
    market.send_all(mixed(100))
    market.outcomes(alive=daemons)
    before = owners(market)
    getattr(owner, end)()
    taken_by_another(market, before)
    market.send_all(mixed(100, seed=2))
    market.outcomes(alive=[standby])
    market.audit()


def test_frozen_between_turns_past_its_session_and_continued(make_market):
    market = make_market(partitions=2, settings=SHORT_SESSION)
    first = market.daemon()
    market.send_all(mixed(500, 2))
    market.outcomes(alive=[first])
    market.audit()
    before = owners(market)
    first.freeze()
    second = market.daemon()
    taken_by_another(market, before)
    market.send_all(mixed(500, 2, seed=2))
    market.outcomes(alive=[second])
    first.thaw()
    first.wait_for("revoked by the group")
    with Feeder(market, 2, count=30000, seed=3) as feeder:
        first.wait_for("took over", count=3)
        feeder.ahead(500)
    market.outcomes(alive=[first, second])
    assert market.audit().counts["copies"] == 0
    assert first.stop() == second.stop() == 0


def test_frozen_with_exec_on_its_way_past_its_session_and_continued(make_market, own_redis):
    server = own_redis(tcp=True)
    with Relay(server.port) as relay:
        market = make_market(server=server, partitions=2, settings=SHORT_SESSION)
        first = market.daemon(redis__address=relay.address)
        market.send_all(mixed(500, 2))
        market.outcomes(alive=[first])
        before = owners(market)
        relay.strike("hold", b"EXEC")
        market.send_all(mixed(500, 2, seed=2))
        until(lambda: relay.struck, 20, "no EXEC came by")
        first.freeze()
        second = market.daemon()
        taken_by_another(market, before)
        relay.release()
        market.outcomes(alive=[second])
        first.thaw()
        first.wait_for("revoked by the group")
        with Feeder(market, 2, count=30000, seed=3) as feeder:
            first.wait_for("took over", count=3)
            feeder.ahead(500)
        market.outcomes(alive=[first, second])
        market.audit()


def test_frozen_under_load_while_redis_is_frozen_too(make_market, own_redis):
    server = own_redis()
    market = make_market(server=server, partitions=2, settings=SHORT_SESSION)
    first = market.daemon(turn__events=20)
    with Feeder(market, 2, count=30000) as feeder:
        feeder.ahead(1000)
        before = owners(market)
        server.freeze()
        feeder.ahead(300)
        first.freeze()
        server.thaw()
        second = market.daemon(turn__events=20)
        taken_by_another(market, before)
        feeder.ahead(300)
        first.thaw()
        first.wait_for("revoked by the group")
        feeder.ahead(500)
    market.outcomes(timeout=60, alive=[first, second])
    market.audit()


@pytest.mark.parametrize("assignor", [SHORT_SESSION, STICKY], ids=["range", "cooperative-sticky"])
def test_instances_join_and_leave_under_load(make_market, assignor):
    market = make_market(partitions=4, settings={**SHORT_SESSION, **assignor})
    daemons = [market.daemon()]
    with Feeder(market, 4, count=30000) as feeder:
        feeder.ahead(500)
        for _ in range(2):
            daemons.append(market.daemon())
            daemons[-1].wait_for("took over")
            feeder.ahead(300)
        assert daemons[0].stop() == 0
        feeder.ahead(500)
        daemons[0].start()
        daemons[0].wait_for("took over")
        daemons[1].kill()
        feeder.ahead(500)
        assert daemons[2].stop() == 0
        feeder.ahead(300)
    market.outcomes(timeout=60, alive=[daemons[0]])
    market.audit()


def test_cooperative_sticky_is_warned_of_where_the_library_has_its_defects(make_market):
    market = make_market(partitions=1, settings={**SHORT_SESSION, **STICKY})
    daemon = market.daemon()
    warning = re.search(r" warning .*cooperative.*", daemon.log())
    assert warning, daemon.log()
    for defect in ("2.11.1", "#4059"):
        assert defect in warning[0]
