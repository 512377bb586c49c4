"""Every bound at its smallest, every message at its largest, and logs with holes: the audit still balances."""
import pytest
from confluent_kafka import Producer

from broker import Record
from load import Feeder, mixed
from market import deposit, encode, grant, list_, purchase
from process import until

SMALLEST = {
    "turns of one event": {"turn.events": 1},
    "turns of eight keys": {"turn.keys": 8},
    "an outbox of one entry": {"outbox.entries": 1, "turn.events": 20},
    "the smallest prefetch": {"prefetch.events": 1000, "prefetch.bytes": 1048576},
    "the smallest producer queue": {"queue.messages": 100, "queue.kbytes": 1024},
    "commits all the time": {"commit.interval_ms": 10, "outbox.idle_ms": 1},
    "commits hardly ever": {"commit.interval_ms": 60000, "outbox.idle_ms": 10000},
}


@pytest.mark.parametrize("which", SMALLEST)
def test_load_comes_out_right_with(make_market, which):
    market = make_market(partitions=3, settings=SMALLEST[which])
    daemon = market.daemon()
    market.send_all(mixed(3000, 3))
    market.outcomes(timeout=60, alive=[daemon])
    assert daemon.stop() == 0
    market.audit()


def test_bounds_and_deadlines_change_under_load_by_sighup(make_market):
    market = make_market(partitions=2)
    daemon = market.daemon()
    with Feeder(market, 2) as feeder:
        for number, events in enumerate((1, 1000, 7)):
            daemon.configure(turn__events=events, turn__keys=8 + events // 4, outbox__entries=1 + events, deadline_ms__list=60000)
            daemon.reload()
            daemon.wait_for("configuration reloaded", count=number + 1)
            feeder.ahead(500)
    market.outcomes(timeout=60, alive=[daemon])
    market.audit()


def test_messages_as_large_as_the_topic_takes_them(market):
    market.daemon()
    blob = "x" * 1_040_000
    good, known, broken = market.play([deposit("u", 5, blob=blob), deposit("u", 5), b"{" + blob.encode()])
    assert (good.status, known.status, broken.verdict) == ("applied", "applied", ("malformed", "not_json"))
    letter, = market.dead_letters()
    assert len(letter.value) == 1_040_001 and not any(name == "dlq.truncated" for name, _ in letter.headers)
    market.audit()


def test_many_large_messages_pass_within_the_prefetch_of_bytes(make_market):
    market = make_market(settings={"prefetch.bytes": 1048576, "turn.bytes": 65536})
    market.daemon()
    market.send_all([deposit("u", 1, blob="x" * 300_000) for _ in range(60)])
    assert {o.status for o in market.outcomes(timeout=60)} == {"applied"}
    assert market.funds("u") == 60
    market.audit()


def transactional(market):
    producer = Producer({"bootstrap.servers": market.broker.bootstrap, "transactional.id": market.group, "log_level": 0})
    producer.init_transactions(30)
    return producer


def test_aborted_events_are_never_seen_and_markers_are_passed(market):
    market.daemon()
    producer = transactional(market)
    for number, keep in enumerate((True, False, True, False)):
        producer.begin_transaction()
        for n in range(3):
            producer.produce(market.source, encode(deposit("u", 10 ** number)), partition=0)
        producer.flush(30)
        producer.commit_transaction(30) if keep else producer.abort_transaction(30)
    until(lambda: market.mark().get("next") == "16", 20, lambda: f"the mark does not pass the markers: {market.mark()}")
    assert market.funds("u") == 3 * (1 + 100)
    market.audit()


def test_an_open_transaction_holds_events_back_until_it_ends(market):
    daemon = market.daemon()
    producer = transactional(market)
    producer.begin_transaction()
    producer.produce(market.source, encode(deposit("u", 1)), partition=0)
    producer.flush(30)
    market.send(deposit("u", 10))
    market.reader.poll(1)
    assert market.funds("u") is None and daemon.alive
    producer.commit_transaction(30)
    market.outcomes()
    assert market.funds("u") == 11
    market.audit()


def test_timestamps_that_the_broker_gives_are_the_ones_told(make_market, broker):
    market = make_market()
    market.sources[0] = market.source = broker.topic("appended", 1, message_timestamp_type="LogAppendTime")
    market.daemon()
    market.send_all([deposit("u", 1, id="d"), deposit("u", 1, id="d")])
    assert [o.status for o in market.outcomes()] == ["applied", "duplicate"]
    market.audit()


def test_the_names_of_two_orders_cannot_meet(market):
    market.daemon()
    market.send_all([grant("b-c", "a"), grant("c", "a-b"), list_("b-c", "a", 1), list_("c", "a-b", 2), deposit("u", 3),
                     purchase("u", "b-c", "a", 1), purchase("u", "c", "a-b", 2)])
    assert {o.status for o in market.outcomes()} == {"applied"}
    market.audit()


def test_sixty_four_headers_are_read_and_a_message_with_more_is_malformed(market):
    market.daemon()
    envelope = [("ce_specversion", b"1.0"), ("ce_source", b"/s"), ("ce_type", b"deposit"), ("ce_id", b"x")]
    market.send({"user": "u", "amount": 5}, headers=[("h", b"v")] * 60 + envelope)
    market.send({"user": "u", "amount": 5}, headers=[("h", b"v")] * 61 + envelope)
    good, bad = market.outcomes()
    assert good.status == "applied" and bad.verdict == ("malformed", "too_many_headers")
    letter, = market.dead_letters()
    assert letter.headers[:64] == market.broker.read(market.source)[1].headers[:64]
    assert dict(letter.headers)["dlq.truncated"] == b"headers", "what is left out is said"
