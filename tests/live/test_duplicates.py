"""Events that their producer delivered twice (DESIGN 4.8)."""
import json

import pytest

from broker import Record
from market import deposit, encode, grant, list_

T = 1795326000000


def test_the_same_event_again_has_no_second_effect_and_names_the_first(market):
    market.daemon()
    first, again, shuffled = market.play([
        deposit("u", 5, id="d"), deposit("u", 5, id="d"), b'{"amount": 5, "user":"u", "id":"d", "type":"deposit", "comment":"retry", "deadline_ms":7}'])
    assert first.verdict == ("applied", None)
    for outcome in (again, shuffled):
        assert outcome.verdict == ("duplicate", "delivered_again") and outcome.value["first"] == {"offset": 0, "status": "applied"}
        assert outcome.facts == {} and outcome.value["id"] == "d"
    assert market.funds("u") == 5
    market.audit()


def test_an_id_with_other_content_is_reused(market):
    market.daemon()
    _, more, other = market.play([deposit("u", 5, id="d"), deposit("u", 6, id="d"), grant("u", "i", id="d")])
    assert more.verdict == other.verdict == ("duplicate", "id_reused") and other.value["first"] == {"offset": 0, "status": "applied"}
    assert market.funds("u") == 5 and not market.holds("u", "i")
    market.audit()


def test_a_refused_event_is_remembered_too_and_a_malformed_one_is_not(market):
    market.daemon()
    refused, again, malformed, good = market.play([
        list_("s", "i", 5, id="l"), list_("s", "i", 5, id="l"), deposit("u", 0, id="d"), deposit("u", 5, id="d")])
    assert refused.verdict == ("rejected", "not_held")
    assert again.verdict == ("duplicate", "delivered_again") and again.value["first"] == {"offset": 0, "status": "rejected"}
    assert malformed.status == "malformed" and good.status == "applied"
    market.audit()


@pytest.mark.parametrize("end", ["stop", "kill"])
def test_duplicates_are_known_after_a_restart(market, end):
    daemon = market.daemon(**{"kafka.consumer": ["session.timeout.ms=3000", "fetch.wait.max.ms=20"], "drain.revoke_ms": 2000})
    market.play([deposit("u", n + 1, id=f"d{n}") for n in range(300)])
    getattr(daemon, end)()
    daemon.start()
    again = market.play([deposit("u", n + 1, id=f"d{n}") for n in range(300)] + [deposit("u", 7, id="d7")])
    assert [o.verdict for o in again] == [("duplicate", "delivered_again")] * 300 + [("duplicate", "id_reused")]
    assert [o.value["first"]["offset"] for o in again] == [*range(300), 7]
    assert market.funds("u") == 300 * 301 // 2
    market.audit()


def test_the_window_ends_with_the_number_of_ids(make_market):
    market = make_market(settings={"dedupe.ids": 3})
    daemon = market.daemon()
    verdicts = [o.reason or o.status for o in market.play([deposit("u", 1, id=i) for i in "abcaadbc"])]
    assert verdicts == ["applied"] * 3 + ["delivered_again"] * 2 + ["applied", "delivered_again", "delivered_again"]
    assert market.play([deposit("u", 1, id="a")])[0].status == "applied", "d drove it out"
    daemon.stop()
    daemon.start()
    assert market.play([deposit("u", 1, id="a")])[0].status == "duplicate"
    market.audit()


def test_the_window_ends_with_the_time_of_the_messages_and_not_of_the_clock(make_market):
    market = make_market(settings={"dedupe.window_s": 100})
    market.daemon()
    ids = {0: "d", 40000: "x", 99999: "d", 100000: "d", 100001: "d", 100001 + 10**9: "d", 100002 + 10**9: "d"}
    market.send_all([Record(0, None, None, encode(deposit("u", 1, id=id)), None, T + ms) for ms, id in ids.items()])
    # d, x; d again inside the window; outside it, so decided anew; inside that one's; a wrong clock moves T by a minute only; and by another.
    assert [o.status for o in market.outcomes()] == ["applied", "applied", "duplicate", "applied", "duplicate", "duplicate", "applied"]
    market.audit()


def test_partitions_have_windows_of_their_own(make_market):
    market = make_market(partitions=2)
    market.daemon()
    market.send_all([Record(p, None, None, encode(deposit("u", 1, id="d")), None, 0) for p in (0, 1, 0, 1)])
    assert [o.status for o in market.outcomes()] == ["applied", "applied", "duplicate", "duplicate"]
    market.audit()
