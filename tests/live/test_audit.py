"""The audit itself: what a daemon must never do is shown to it, and it must object."""
import json

import pytest

from broker import Record
from market import deposit, encode, grant, list_, purchase, reserve, restock


@pytest.fixture(scope="module")
def played(lasting_market):
    """A market with two partitions' worth of history and every kind of outcome; no daemon interferes any more."""
    market = lasting_market
    market.play([deposit("b", 100, id="d"), grant("s", "i"), list_("s", "i", 40), purchase("b", "s", "i", 40), purchase("b", "s", "i", 40),
                 restock("k", 5), reserve("k", 5, "b"), b"{", deposit("b", 100, id="d"), deposit("c", 1)])
    market.audit()
    return market


def changed(record, **value):
    return record._replace(value=json.dumps({**json.loads(record.value), **value}, separators=(",", ":")).encode())


def header(record, name, value):
    return record._replace(headers=[(n, value if n == name else v) for n, v in record.headers])


def swapped(records, i, j, name):
    one, other = dict(records[i].headers)[name], dict(records[j].headers)[name]
    return [header(r, name, other if n == i else one if n == j else dict(r.headers)[name]) for n, r in enumerate(records)]


OUTCOMES = {
    "an outcome is missing": lambda r: r[:3] + r[4:],
    "a copy has another status": lambda r: [*r, changed(r[0], status="rejected")],
    "a copy has its headers in another order": lambda r: [*r, r[0]._replace(headers=r[0].headers[::-1])],
    "a copy has another key": lambda r: [*r, r[0]._replace(key=b"")],
    "first copies come out of order": lambda r: [r[1], r[0], *r[2:]],
    "an event is decided twice": lambda r: [*r, header(r[0], "ce_source", b"/orderd/00000000-0000-0000-0000-000000000000")],
    "an outcome of an offset that holds nothing": lambda r: [*r, header(changed(r[0], source={**json.loads(r[0].value)["source"], "offset": 99}),
                                                                       "ce_id", dict(r[0].headers)["ce_id"][:-1] + b"99")],
    "an outcome in another partition": lambda r: [r[0]._replace(partition=1), *r[1:]],
    "an outcome with another key": lambda r: [r[0]._replace(key=b"k"), *r[1:]],
    "a header is missing": lambda r: [r[0]._replace(headers=r[0].headers[1:]), *r[1:]],
    "sequences against the offsets": lambda r: swapped(r, 2, 3, "ce_sequence"),
    "a sequence twice": lambda r: [header(r[0], "ce_sequence", dict(r[1].headers)["ce_sequence"]), *r[1:]],
    "a sold item is sold again": lambda r: [*r[:4], changed(r[4], status="applied", reason=None, facts=json.loads(r[3].value)["facts"]), *r[5:]],
    "another reason": lambda r: [*r[:4], changed(r[4], reason="price_changed"), *r[5:]],
    "other facts": lambda r: [*r[:6], changed(r[6], facts={"stock": [5, 1]}), *r[7:]],
    "a duplicate of another offset": lambda r: [*r[:8], changed(r[8], first={"offset": 1, "status": "applied"}), r[9]],
    "a duplicate is applied": lambda r: [*r[:8], changed(r[8], status="applied", reason=None, facts={"funds": [60, 160]}), r[9]],
    "a good event is malformed": lambda r: [*r[:9], changed(r[9], status="malformed", reason="not_json", event=None)],
    "an event without a deadline expired": lambda r: [*r[:9], changed(r[9], status="expired", reason="deadline", facts={})],
    "the event comes out changed": lambda r: [*r[:9], changed(r[9], event={"user": "c", "amount": 2})],
}
LETTERS = {
    "a dead letter is missing": lambda r: [],
    "a dead letter lost a byte": lambda r: [r[0]._replace(value=b"")],
    "a dead letter gained a header": lambda r: [r[0]._replace(headers=[("x", b""), *r[0].headers])],
    "a dead letter gives another reason": lambda r: [header(r[0], "dlq.reason", b"not_object")],
    "a dead letter of a good event": lambda r: [*r, header(r[0], "dlq.original.offset", b"0")],
}
KEYS = {
    "money appears": lambda m: m.redis.hincrby(m.key("users:c"), "funds", 1),
    "money goes elsewhere": lambda m: (m.redis.hincrby(m.key("users:c"), "funds", -1), m.redis.hincrby(m.key("users:s"), "funds", 1)),
    "an item is there twice": lambda m: m.redis.sadd(m.key("inventory:s"), "i"),
    "an item is gone": lambda m: m.redis.srem(m.key("inventory:b"), "i"),
    "an item is still listed": lambda m: m.redis.zadd(m.key("market:"), {"i.s": 40}),
    "stock is wrong": lambda m: m.redis.incrby(m.key("stock:k"), 1),
    "the outbox is not empty": lambda m: m.redis.xadd(m.key("orderd:outbox"), {"x": "y"}),
    "the mark stands behind the log": lambda m: m.redis.hset(m.key(f"orderd:mark:{m.source}:0"), "next", 9),
    "the mark's done stands behind": lambda m: m.redis.hset(m.key(f"orderd:mark:{m.source}:0"), "done", 9),
}


def with_records(monkeypatch, market, topic, change):
    read = market.broker.read
    monkeypatch.setattr(market.broker, "read", lambda t: change(read(t)) if t == topic else read(t))


@pytest.mark.parametrize("what", OUTCOMES)
def test_the_audit_objects_to_outcomes_where(played, monkeypatch, what):
    with_records(monkeypatch, played, played.outcome_topic, OUTCOMES[what])
    with pytest.raises(AssertionError):
        played.audit()


@pytest.mark.parametrize("what", LETTERS)
def test_the_audit_objects_to_dead_letters_where(played, monkeypatch, what):
    with_records(monkeypatch, played, played.dead_letter_topic, LETTERS[what])
    with pytest.raises(AssertionError):
        played.audit()


@pytest.mark.parametrize("what", KEYS)
def test_the_audit_objects_to_a_market_where(played, what):
    raw = played.server.client(decode_responses=False)
    kept = {key: raw.dump(key) for key in raw.scan_iter(match=played.prefix + "*")}
    played.daemons[0].freeze()
    try:
        KEYS[what](played)
        with pytest.raises(AssertionError):
            played.audit(timeout=0.3)
    finally:
        for key in raw.scan_iter(match=played.prefix + "*"):
            raw.delete(key)
        for key, value in kept.items():
            raw.restore(key, 0, value)
        played.daemons[0].thaw()
        raw.close()


def test_the_audit_objects_to_a_commit_that_stands_behind(played, monkeypatch):
    monkeypatch.setattr(played.broker, "committed", lambda group, topic: {0: (9, "")})
    with pytest.raises(AssertionError):
        played.audit(timeout=0.3)


def test_the_audit_still_agrees_with_what_happened(played):
    counts = played.audit().counts
    assert [counts[s] for s in ("applied", "rejected", "expired", "duplicate", "malformed")] == [7, 1, 0, 1, 1]
