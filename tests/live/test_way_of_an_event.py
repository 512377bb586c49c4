"""The whole way of an event: in by Kafka, applied in Redis or refused, told by an outcome."""
import json
import re

import pytest

from broker import Record
from market import deposit, encode, event, grant, list_, purchase, reserve, restock, unlist

SAFE_MAX, INT64_MAX = 2**53 - 1, 2**63 - 1


def test_the_figures_of_redis_in_action(market):
    market.redis.hset(market.key("users:17"), mapping={"name": "Frank", "funds": 43})
    market.redis.sadd(market.key("inventory:17"), "ItemL", "ItemM", "ItemN")
    market.redis.hset(market.key("users:27"), mapping={"name": "Bill", "funds": 125})
    market.redis.sadd(market.key("inventory:27"), "ItemO", "ItemP", "ItemQ")
    daemon = market.daemon()
    listed, bought = market.play([list_("17", "ItemM", 97), purchase("27", "17", "ItemM", 97)])
    assert listed.facts == {"price": 97, "seller_holds": [True, False]}
    assert bought.facts == {"price": 97, "buyer_funds": [125, 28], "seller_funds": [43, 140]}
    assert (market.funds("17"), market.funds("27")) == (140, 28)
    assert market.holds("27", "ItemM") and not market.holds("17", "ItemM") and market.listed("ItemM", "17") is None
    assert market.redis.hget(market.key("users:17"), "name") == "Frank"
    market.audit()
    assert daemon.stop() == 0


# For each kind: what is there before, the event, its verdict and facts.
CASES = {
    "list": [
        ([grant("s", "i")], list_("s", "i", 5), "applied", None, {"price": 5, "seller_holds": [True, False]}),
        ([], list_("s", "i", 5), "rejected", "not_held", {"seller_holds": False}),
        ([grant("s", "i"), list_("s", "i", 5), grant("s", "i")], list_("s", "i", 6), "rejected", "already_listed", {"seller_holds": True, "price": 5}),
        ([grant("s", "i")], list_("s", "i", SAFE_MAX), "applied", None, {"price": SAFE_MAX, "seller_holds": [True, False]}),
    ],
    "unlist": [
        ([grant("s", "i"), list_("s", "i", 5)], unlist("s", "i"), "applied", None, {"price": 5, "seller_holds": [False, True]}),
        ([grant("s", "i")], unlist("s", "i"), "rejected", "not_listed", {"price": None}),
        ([grant("s", "i"), list_("s", "i", 5), grant("s", "i")], unlist("s", "i"), "rejected", "already_held", {"price": 5, "seller_holds": True}),
    ],
    "purchase": [
        ([deposit("b", 9), grant("s", "i"), list_("s", "i", 9)], purchase("b", "s", "i", 9),
         "applied", None, {"price": 9, "buyer_funds": [9, 0], "seller_funds": [0, 9]}),
        ([deposit("b", 9)], purchase("b", "s", "i", 9), "rejected", "not_listed", {"price": None}),
        ([deposit("b", 9), grant("s", "i"), list_("s", "i", 8)], purchase("b", "s", "i", 9), "rejected", "price_changed", {"price": 8}),
        ([deposit("b", 8), grant("s", "i"), list_("s", "i", 9)], purchase("b", "s", "i", 9),
         "rejected", "insufficient_funds", {"price": 9, "buyer_funds": 8}),
        ([grant("s", "i"), list_("s", "i", 9)], purchase("b", "s", "i", 9), "rejected", "insufficient_funds", {"price": 9, "buyer_funds": 0}),
        ([deposit("b", 9), grant("b", "i"), grant("s", "i"), list_("s", "i", 9)], purchase("b", "s", "i", 9),
         "rejected", "already_held", {"price": 9, "buyer_funds": 9, "buyer_holds": True}),
        ([deposit("s", 9), grant("s", "i"), list_("s", "i", 9)], purchase("s", "s", "i", 9),
         "applied", None, {"price": 9, "buyer_funds": [9, 9], "seller_funds": [9, 9]}),
        ([deposit("b", SAFE_MAX), grant("s", "i"), list_("s", "i", SAFE_MAX)], purchase("b", "s", "i", SAFE_MAX),
         "applied", None, {"price": SAFE_MAX, "buyer_funds": [SAFE_MAX, 0], "seller_funds": [0, SAFE_MAX]}),
    ],
    "reserve": [
        ([restock("k", 3)], reserve("k", 3, "b"), "applied", None, {"stock": [3, 0]}),
        ([], reserve("k", 1, "b"), "rejected", "unknown_sku", {"stock": None}),
        ([restock("k", 3)], reserve("k", 4, "b"), "rejected", "out_of_stock", {"stock": 3}),
        ([restock("k", 1), reserve("k", 1, "b")], reserve("k", 1, "b"), "rejected", "out_of_stock", {"stock": 0}),
    ],
    "restock": [
        ([], restock("k", 3), "applied", None, {"stock": [None, 3]}),
        ([restock("k", 3)], restock("k", SAFE_MAX), "applied", None, {"stock": [3, 3 + SAFE_MAX]}),
    ],
    "deposit": [
        ([], deposit("b", 1), "applied", None, {"funds": [0, 1]}),
        ([deposit("b", 1)], deposit("b", SAFE_MAX), "applied", None, {"funds": [1, 1 + SAFE_MAX]}),
    ],
    "grant": [
        ([], grant("b", "i"), "applied", None, {"user_holds": [False, True]}),
        ([grant("b", "i")], grant("b", "i"), "rejected", "already_held", {"user_holds": True}),
    ],
}


def renamed(number, value):
    """The case's own names and a fresh id, so that cases do not meet."""
    names = {n: f"{value[n]}-{number}" for n in ("seller", "buyer", "user", "item", "sku") if n in value}
    return event(value["type"], **{k: v for k, v in value.items() if k not in ("id", "type")}, **{}) | names


@pytest.mark.parametrize("kind", CASES)
def test_every_verdict_of_a_kind(market, kind):
    market.daemon()
    for number, (before, tried, status, reason, facts) in enumerate(CASES[kind]):
        *_, outcome = market.play([renamed(number, e) for e in [*before, tried]])
        assert (outcome.status, outcome.reason, outcome.facts) == (status, reason, facts), f"case {number}: {tried}"
        assert outcome.value["type"] == kind and outcome.value["event"]
    market.audit()


def test_what_depends_on_each_other_in_one_turn_is_decided_in_order(market):
    market.send_all([grant("s", "i"), list_("s", "i", 5), deposit("a", 5), deposit("b", 5), purchase("a", "s", "i", 5), purchase("b", "s", "i", 5),
                     list_("a", "i", 7), purchase("b", "a", "i", 7), deposit("b", 2), purchase("b", "a", "i", 7)])
    market.daemon()
    verdicts = [o.reason or o.status for o in market.outcomes()]
    assert verdicts == ["applied"] * 5 + ["not_listed", "applied", "insufficient_funds", "applied", "applied"]
    assert len({o.sequence[:52] for o in market.outcomes()}) == 1, "one turn, one outbox entry"
    market.audit()


def test_funds_and_stock_stop_short_of_int64(market):
    market.redis.hset(market.key("users:rich"), "funds", INT64_MAX - 5)
    market.redis.set(market.key("stock:much"), INT64_MAX - 5)
    market.daemon()
    outcomes = market.play([
        deposit("rich", 6), deposit("rich", 5), deposit("rich", 1), restock("much", 6), restock("much", 5), restock("much", 1),
        deposit("b", 10), grant("rich", "i"), list_("rich", "i", 1), purchase("b", "rich", "i", 1)])
    assert [o.reason or o.status for o in outcomes] == [
        "limit_exceeded", "applied", "limit_exceeded", "limit_exceeded", "applied", "limit_exceeded", "applied", "applied", "applied", "limit_exceeded"]
    assert outcomes[0].facts == {"funds": INT64_MAX - 5} and outcomes[9].facts == {"price": 1, "buyer_funds": 10, "seller_funds": INT64_MAX}
    assert (market.funds("rich"), market.stock("much"), market.funds("b")) == (INT64_MAX, INT64_MAX, 10)
    market.audit()


def test_the_outcome_is_a_cloudevent_with_the_headers_in_their_order(market):
    market.daemon()
    market.send(grant("u", "thing", note="kept as it came", nested={"a": [1, None]}), key=b"the key", timestamp=1795326127590)
    outcome, = market.outcomes()
    assert [name for name, _ in outcome.record.headers] == [
        "ce_specversion", "ce_id", "ce_source", "ce_type", "ce_subject", "ce_time", "content-type", "ce_sequence"]
    assert outcome.headers["ce_id"] == f"{market.source}/0/0" and outcome.headers["ce_source"] == f"/orderd/{market.meta()['incarnation']}"
    assert outcome.headers["ce_subject"] == "thing"
    assert outcome.value == {
        "id": outcome.value["id"], "type": "grant", "status": "applied", "reason": None,
        "event": {"user": "u", "item": "thing", "note": "kept as it came", "nested": {"a": [1, None]}}, "facts": {"user_holds": [False, True]},
        "source": {"topic": market.source, "partition": 0, "offset": 0, "timestamp": 1795326127590},
        "decided_at": outcome.headers["ce_time"], "attempts": 1}
    assert outcome.record.key == b"the key"
    era, ms, _, place = outcome.sequence.split("-")
    assert (int(era), int(place)) == (1, 0) and int(ms) > 1_700_000_000_000
    market.audit()


def test_an_outcome_has_its_source_partition_and_key_whether_null_empty_or_bytes(make_market):
    market = make_market(partitions=4)
    market.daemon()
    keys = {0: None, 1: b"", 2: b"\x00\xff", 3: b"a" * 1000}
    market.send_all([Record(p, None, key, encode(deposit("u", 1)), None, 0) for p, key in keys.items()])
    assert {o.record.partition: o.record.key for o in market.outcomes()} == keys
    market.audit()


def test_a_broker_that_keeps_two_source_topics(make_market):
    market = make_market(sources=2, partitions=2)
    market.daemon()
    for topic in market.sources:
        market.send_all([Record(p, None, None, encode(deposit("u", 1 + p)), None, 0) for p in (0, 1, 0)], topic)
    assert {o.status for o in market.outcomes()} == {"applied"}
    assert market.funds("u") == 8
    market.audit()


def test_events_sent_before_the_first_start_are_taken_from_the_start_of_the_log(market):
    market.send_all([deposit("u", n) for n in range(1, 101)])
    market.daemon()
    assert [o.status for o in market.outcomes()] == ["applied"] * 100
    assert market.funds("u") == 5050
    market.audit()


def test_white_space_escapes_and_unknown_fields_of_an_event_come_out_as_they_went_in(market):
    market.daemon()
    market.send(b' { "type":"deposit" ,\n "id" : "\\u00e9\\ud83d\\ude00" , "user":"u","amount": 5 , "memo" : "a\\"b\\\\ \\u00e9" , "big":123456789012345678 } ')
    outcome, = market.outcomes()
    assert outcome.value["id"] == "é😀" and outcome.value["event"] == {"user": "u", "amount": 5, "memo": 'a"b\\ é', "big": 123456789012345678}
    assert b"123456789012345678" in outcome.record.value and not re.search(rb"[ \n]}", outcome.record.value)
    market.audit()


def test_an_outcome_that_would_not_fit_its_topic_is_cut_and_says_so(make_market, broker):
    market = make_market()
    small = broker.topic("outcomes", 1, max_message_bytes=70000)
    market.outcome_topic = market.settings["kafka.outcomes"] = small
    market.daemon()
    market.send(deposit("u", 5, blob="x" * 100000), key=b"k")
    market.send(deposit("u", 5), key=b"k" * 90000)
    cut, keyless = market.outcomes()
    assert cut.value["truncated"] is True and cut.value["event"] == {"user": "u", "amount": 5} and cut.record.key == b"k"
    assert keyless.value["key_truncated"] is True and keyless.record.key is None
    assert market.funds("u") == 10
