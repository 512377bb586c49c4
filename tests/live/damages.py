#!/usr/bin/python3
"""Damages done by hand to a log and its Redis, each of which `orderd audit --redis` must name, and nothing besides.

    damages.py                       the whole catalogue, then a hundred damages that nobody has listed
    damages.py --random 1000 --seed 7

A specimen is a market at rest whose log is read once. A damage is done to a copy of the outcomes or dead letters, which then go into a fresh topic, or
to keys of Redis, which are put back afterwards. Closes with "N passed, N failed".
"""
import argparse
import contextlib
import json
import random
import re
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

from broker import Record                        # noqa: E402
from daemon import BINARY, config_text           # noqa: E402

CATALOGUE = []       # (name, function)
FOREIGN = {"foreign_write", "foreign_key", "foreign_first"}


class Expected:
    """What an audit must say: one of `kinds` at one of `places` ("TOPIC:P:OFFSET", "TOPIC:P", or a key), and no finding elsewhere. `all`: at each place."""

    def __init__(self, kinds, *places, all=False):
        self.kinds, self.places, self.all = {kinds} if isinstance(kinds, str) else set(kinds), set(places), all

    def complaint(self, findings):
        """Why the findings are not these; None: they are."""
        found = [(f["kind"], place_of(f)) for f in findings]
        strange = [f for f in found if f[0] not in self.kinds or f[1] not in self.places]
        lacking = self.places - {place for _, place in found} if self.all else set() if found else self.places
        if strange or lacking:
            return f"expected {sorted(self.kinds)} at {sorted(self.places)}, found {json.dumps(findings, indent=1)[:3000]}"
        return None


class AnyOf(Expected):
    """The same with every offset of a partition."""

    def complaint(self, findings):
        found = [(f["kind"], place_of(f)) for f in findings]
        wrong = [f for f in found if f[0] not in self.kinds or not any(f[1] == p or f[1].startswith(p + ":") for p in self.places)]
        return None if found and not wrong else f"expected {sorted(self.kinds)} of {sorted(self.places)}, found {json.dumps(findings, indent=1)[:3000]}"


def place_of(finding):
    if "topic" in finding:
        at = f"{finding['topic']}:{finding['partition']}"
        return at if finding.get("offset") is None or "offset" not in finding else f"{at}:{finding['offset']}"
    if finding["kind"] in FOREIGN:
        return finding["key"]
    return "record {topic}:{partition}:{offset}".format(**finding["record"]) if "record" in finding else "market"


class Specimen:
    """A market at rest, read once."""

    def __init__(self, market, room):
        self.market, self.room = market, Path(room)
        self.redis = market.server.client(db=market.database, decode_responses=False)
        self.outcomes, self.letters = self._read(market.outcome_topic), self._read(market.dead_letter_topic)
        self.source = market.source

    def _read(self, topic):
        """First copies only: an altered copy is a damage of its own."""
        parts = [[] for _ in range(self.market.broker.partitions(topic))]
        for record in self.market.broker.read(topic):
            parts[record.partition].append(record)
        return [firsts(records) for records in parts]

    @contextlib.contextmanager
    def copy(self):
        copy = Copy(self)
        try:
            yield copy
        finally:
            copy.put_back()

    def audit(self, copy, *options):
        """The findings of an audit of what the copy has become."""
        file, work = self.room / "damaged.conf", self.room / "work"
        work.mkdir(exist_ok=True)
        file.write_text(config_text({**self.market.daemons[0].settings, **copy.topics()}))
        ran = subprocess.run([BINARY, "audit", "-c", file, "--redis", "--json", "--work", work, *options], capture_output=True, text=True, timeout=300)
        if ran.returncode == 78:      # what is there cannot be read at all
            return [{"kind": "refused", "weight": "wrong", "key": ran.stderr}]
        assert ran.returncode in (0, 65), f"exit {ran.returncode}: {ran.stderr}"
        report = json.loads(ran.stdout)
        findings = [f for market in report["markets"] for f in market["findings"]]
        assert (ran.returncode == 65) == any(f["weight"] == "wrong" for f in findings), report
        return findings


class Copy:
    """What a damage is done to: lists of records by partition, and Redis, whose keys are put back as they were."""

    def __init__(self, specimen):
        self.specimen, self.market, self.redis = specimen, specimen.market, specimen.redis
        self.outcomes, self.letters = [list(p) for p in specimen.outcomes], [list(p) for p in specimen.letters]
        self._kept = {}

    # topics

    def topics(self):
        changed = {}
        if self.outcomes != self.specimen.outcomes:
            changed["kafka.outcomes"] = self._write("outcomes", self.outcomes)
        if self.letters != self.specimen.letters:
            changed["kafka.dead_letters"] = self._write("dead-letters", self.letters)
        return changed

    def _write(self, word, parts):
        topic = self.market.broker.topic(word, len(parts), max_message_bytes=2000000)
        self.market.broker.send_all(topic, [r._replace(partition=p) for p, records in enumerate(parts) for r in records])
        return topic

    # redis

    def key(self, name):
        """The full name, which will be as it was when all is over."""
        full = (self.market.prefix + name).encode()
        if full not in self._kept:
            self._kept[full] = self.redis.dump(full)
        return full

    def put_back(self):
        for key, dump in self._kept.items():
            self.redis.delete(key)
            if dump is not None:
                self.redis.restore(key, 0, dump)

    def mark(self, partition):
        return self.key(f"orderd:mark:{self.specimen.source}:{partition}")

    # records

    def single(self, dice, wanted=lambda value: True):
        """(partition, index, value) of an outcome."""
        found = [(p, i) for p, records in enumerate(self.outcomes) for i, r in enumerate(records) if wanted(json.loads(r.value))]
        assert found, "no such outcome in this specimen"
        p, i = dice.choice(found)
        return p, i, json.loads(self.outcomes[p][i].value)

    def change(self, partition, index, **parts):
        self.outcomes[partition][index] = self.outcomes[partition][index]._replace(**parts)

    def put_value(self, partition, index, value):
        self.change(partition, index, value=text_of(value).encode())


def text_of(value):
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


def header(record, name):
    return dict(record.headers).get(name)


def identity(record):
    return header(record, "ce_id")


def with_header(record, name, value):
    return [(n, value if n == name else v) for n, v in record.headers]


def at(value):
    source = value["source"]
    return f"{source['topic']}:{source['partition']}:{source['offset']}"


def damage(function):
    CATALOGUE.append((function.__name__, function))
    return function


# --- members of an outcome

def member(name, kinds, wanted, change):
    def done(copy, dice):
        partition, index, value = copy.single(dice, wanted)
        place = at(value)
        change(value, dice)
        copy.put_value(partition, index, value)
        return Expected(kinds, place)
    CATALOGUE.append((name, done))


def is_status(*statuses):
    return lambda value: value["status"] in statuses


def put(*path_and_value):
    *path, value = path_and_value

    def change(outcome, _):
        for name in path[:-1]:
            outcome = outcome[name]
        outcome[path[-1]] = value
    return change


def take(name):
    return lambda value, _: value.pop(name)


RULED = is_status("applied", "rejected")
UNREAD = {"outcome_unreadable"}
member("an id is another", "event", RULED, put("id", "nobody"))
member("an id is none", UNREAD | {"event"}, RULED, put("id", None))
member("a type is another", UNREAD | {"event"}, lambda v: v["type"] == "deposit", put("type", "grant"))
member("a type is unknown", UNREAD, RULED, put("type", "bid"))
member("applied is called rejected", UNREAD | {"facts"}, is_status("applied"), put("status", "rejected"))
member("rejected is called applied", UNREAD | {"facts"}, is_status("rejected"), put("status", "applied"))
member("applied is called expired", UNREAD | {"facts", "expired"}, is_status("applied"), put("status", "expired"))
member("a status is unknown", UNREAD, RULED, put("status", "lost"))
member("a reason is another", "facts", lambda v: v["reason"] == "not_listed", put("reason", "price_changed"))
member("a reason is gone", UNREAD | {"facts"}, is_status("rejected"), put("reason", None))
member("a malformed reason is another", {"malformed"}, is_status("malformed"), put("reason", "too_many_headers"))
member("a detail is another", {"letter_differs"}, is_status("malformed"), put("detail", "nothing is wrong"))
member("an amount is another", {"event"}, lambda v: v["type"] == "deposit" and RULED(v), put("event", "amount", 7777777))
member("a field is missing", UNREAD | {"event"}, lambda v: v["type"] == "reserve" and RULED(v), lambda v, _: v["event"].pop("buyer"))
member("a field is one too many", "event", RULED, put("event", "more", 1))
member("a fact is missing", UNREAD | {"facts"}, is_status("applied"), put("facts", {}))
member("a fact is of another event", UNREAD | {"facts"}, lambda v: v["status"] == "applied" and v["type"] == "deposit", put("facts", {"stock": [1, 2]}))
member("money comes from nowhere", "facts", lambda v: v["status"] == "applied" and v["type"] == "deposit", lambda v, _: v["facts"]["funds"].__setitem__(1, v["facts"]["funds"][1] + 5))
member("money goes nowhere", "facts", lambda v: v["status"] == "applied" and v["type"] == "purchase" and v["event"]["buyer"] != v["event"]["seller"],
       lambda v, _: v["facts"]["seller_funds"].__setitem__(1, v["facts"]["seller_funds"][0]))
member("stock falls below zero", "facts", lambda v: v["status"] == "applied" and v["type"] == "reserve", lambda v, _: v["facts"].update(stock=[0, -v["event"]["quantity"]]))
member("funds are others before and after", "facts_break", lambda v: v["status"] == "applied" and v["type"] == "deposit", lambda v, _: v["facts"].update(funds=[x + 3 for x in v["facts"]["funds"]]))
member("stock is another before and after", "facts_break", lambda v: v["status"] == "applied" and v["type"] == "reserve", lambda v, _: v["facts"].update(stock=[x + 300 for x in v["facts"]["stock"]]))
member("what was too little is less", "facts_break", lambda v: v["reason"] == "out_of_stock" and v["facts"]["stock"] > 0, lambda v, _: v["facts"].update(stock=v["facts"]["stock"] - 1))
member("an item is sold by who does not hold it", UNREAD | {"facts"}, lambda v: v["status"] == "applied" and v["type"] == "list", lambda v, _: v["facts"].update(seller_holds=[False, False]))
member("an item is sold for another price", "facts", lambda v: v["status"] == "applied" and v["type"] == "purchase", lambda v, _: v["facts"].update(price=v["facts"]["price"] + 1))
member("a first offset is another", "duplicate", is_status("duplicate"), lambda v, _: v["first"].update(offset=v["first"]["offset"] + 1))
member("a first status is another", "duplicate", lambda v: v["status"] == "duplicate" and v["first"]["status"] == "applied", lambda v, _: v["first"].update(status="rejected"))
member("a duplicate is called reused", "duplicate", lambda v: v["reason"] == "delivered_again", put("reason", "id_reused"))
member("a duplicate is called expired", UNREAD | {"duplicate", "facts", "expired"}, is_status("duplicate"),
       lambda v, _: (v.pop("first"), v.update(status="expired", reason="deadline")))
member("an event is called a duplicate", "duplicate", RULED, lambda v, _: v.update(status="duplicate", reason="delivered_again", facts={}, first={"offset": 0, "status": "applied"}))
member("an event is called malformed", UNREAD | {"malformed", "facts", "event"}, RULED,
       lambda v, _: v.update(status="malformed", reason="not_json", facts={}, event=None, id=None, type=None, detail="no"))
member("a source topic is another", {"outcome_misnamed", "outcome_missing"}, RULED, put("source", "topic", "elsewhere"))
member("a source offset is another", {"outcome_misnamed"}, RULED, lambda v, _: None)
member("a timestamp is another", "event", RULED, put("source", "timestamp", 1))
member("a time of decision is another", "headers", RULED, put("decided_at", "2001-01-01T00:00:00.000Z"))
member("no attempt was made", UNREAD, RULED, put("attempts", 0))
member("it is called truncated and is not", UNREAD | {"event", "headers"}, RULED, lambda v, _: (v["event"].popitem(), v.update(truncated=True)))
CATALOGUE.pop([name for name, _ in CATALOGUE].index("a source offset is another"))


@damage
def a_value_names_another_event(copy, dice):
    partition, index, value = copy.single(dice, RULED)
    place = at(value)
    value["source"]["offset"] += 1
    copy.put_value(partition, index, value)
    return Expected({"outcome_misnamed", "outcome_missing"}, place, at(value))


@damage
def a_value_is_cut(copy, dice):
    partition, index, value = copy.single(dice)
    copy.change(partition, index, value=copy.outcomes[partition][index].value[:-7])
    return Expected("outcome_unreadable", at(value))


@damage
def a_value_is_null(copy, dice):
    partition, index, value = copy.single(dice)
    copy.change(partition, index, value=None)
    return Expected("outcome_unreadable", at(value))


# --- headers and key

def header_is(name, text, kinds, wanted=lambda value: True):
    def done(copy, dice):
        partition, index, value = copy.single(dice, wanted)
        record = copy.outcomes[partition][index]
        made = text(header(record, name).decode(), value) if callable(text) else text
        copy.change(partition, index, headers=with_header(record, name, made.encode()))
        return Expected(kinds, at(value))
    CATALOGUE.append((f"header {name} is another", done))


header_is("ce_specversion", "0.3", {"headers", "outcome_unreadable"})
header_is("ce_id", lambda text, value: text.rsplit("/", 1)[0] + "/99999999", "outcome_misnamed")
header_is("ce_id", lambda text, value: text.rsplit("/", 1)[0] + f"/{value['source']['offset'] + 1}", "outcome_misnamed")
header_is("ce_id", "nonsense", "outcome_unreadable")
header_is("ce_source", "/orderd/12345678-1234-4123-8123-123456789abc", "outcome_incarnation")
header_is("ce_source", "/elsewhere", "outcome_unreadable")
header_is("ce_type", "order.made", "outcome_unreadable")
header_is("ce_subject", "another", "headers", lambda value: value["type"] == "grant")
header_is("ce_time", "2001-01-01T00:00:00.000Z", "headers")
header_is("content-type", "text/plain", "headers")
header_is("ce_sequence", "first", "outcome_unreadable")
header_is("ce_sequence", lambda text, _: text[:-1] + ("7" if text[-1] != "7" else "8"), "sequence")
header_is("ce_sequence", lambda text, _: f"{int(text[:10]) + 1:010}" + text[10:], "sequence")


@damage
def each_header_is_missing_once(copy, dice):
    partition, index, value = copy.single(dice)
    record = copy.outcomes[partition][index]
    gone = dice.choice(record.headers)
    copy.change(partition, index, headers=[h for h in record.headers if h != gone])
    return Expected({"headers", "outcome_unreadable", "sequence"}, at(value))


@damage
def a_header_is_one_too_many(copy, dice):
    partition, index, value = copy.single(dice)
    copy.change(partition, index, headers=copy.outcomes[partition][index].headers + [("more", b"1")])
    return Expected("headers", at(value))


@damage
def two_headers_change_places(copy, dice):
    partition, index, value = copy.single(dice)
    headers = list(copy.outcomes[partition][index].headers)
    headers[0], headers[1] = headers[1], headers[0]
    copy.change(partition, index, headers=headers)
    return Expected("headers", at(value))


@damage
def a_key_is_another(copy, dice):
    partition, index, value = copy.single(dice)
    copy.change(partition, index, key=b"another")
    return Expected("key", at(value))


@damage
def a_key_is_null(copy, dice):
    partition, index, value = copy.single(dice)
    copy.change(partition, index, key=None)
    return Expected("key", at(value))


# --- whole records

@damage
def an_outcome_is_removed(copy, dice):
    partition, index, value = copy.single(dice)
    del copy.outcomes[partition][index]
    return Expected("outcome_missing", at(value))


@damage
def the_outcome_of_a_malformed_event_is_removed(copy, dice):
    """Its dead letter stays, and says nothing wrong."""
    partition, index, value = copy.single(dice, is_status("malformed"))
    del copy.outcomes[partition][index]
    return Expected("outcome_missing", at(value))


@damage
def the_outcome_of_a_malformed_event_is_removed_and_its_dead_letter_altered(copy, dice):
    p, i, place = letter(copy, dice)
    copy.outcomes = [[r for r in records if at(json.loads(r.value)) != place] for records in copy.outcomes]
    copy.letters[p][i] = copy.letters[p][i]._replace(key=b"another")
    return Expected({"outcome_missing", "letter_differs"}, place)


@damage
def the_first_outcome_is_removed(copy, dice):
    partition = dice.randrange(len(copy.outcomes))
    value = json.loads(copy.outcomes[partition][0].value)
    copy.outcomes[partition] = [r for r in copy.outcomes[partition] if json.loads(r.value)["source"] != value["source"]]
    return Expected("outcome_missing", at(value))


@damage
def the_last_outcome_is_removed(copy, dice):
    partition = dice.randrange(len(copy.outcomes))
    value = max((json.loads(r.value) for r in copy.outcomes[partition]), key=lambda v: v["source"]["offset"])
    copy.outcomes[partition] = [r for r in copy.outcomes[partition] if json.loads(r.value)["source"] != value["source"]]
    return Expected("outcome_missing", at(value))


@damage
def an_outcome_is_doubled_with_other_bytes(copy, dice):
    partition, index, value = copy.single(dice)
    place = at(value)
    record = copy.outcomes[partition][index]
    copy.outcomes[partition].insert(dice.randrange(index + 1, len(copy.outcomes[partition]) + 1), record._replace(value=record.value.replace(b'"attempts":', b'"attempts":1')))
    return Expected("copy_differs", place)


@damage
def a_copy_has_another_header(copy, dice):
    partition, index, value = copy.single(dice)
    record = copy.outcomes[partition][index]
    copy.outcomes[partition].append(record._replace(headers=with_header(record, "ce_time", b"2001-01-01T00:00:00.000Z")))
    return Expected("copy_differs", at(value))


@damage
def two_outcomes_change_places(copy, dice):
    partition, index, value = copy.single(dice)
    records = copy.outcomes[partition]
    others = [i for i in (index - 1, index + 1) if 0 <= i < len(records)]
    other = json.loads(records[others[0]].value)
    records[index], records[others[0]] = records[others[0]], records[index]
    return Expected({"outcome_order", "outcome_missing"}, at(value), at(other))


@damage
def an_outcome_lies_in_another_partition(copy, dice):
    partition, index, value = copy.single(dice)
    record = copy.outcomes[partition].pop(index)
    elsewhere = copy.outcomes[(partition + 1) % len(copy.outcomes)]
    elsewhere.insert(dice.randrange(len(elsewhere) + 1), record)
    return Expected("outcome_partition", at(value))


@damage
def a_record_is_no_outcome(copy, dice):
    partition = dice.randrange(len(copy.outcomes))
    records = copy.outcomes[partition]
    index = dice.randrange(len(records) + 1)
    records.insert(index, Record(partition, None, b"k", b"hello", [("who", b"me")], 0))
    return Expected("outcome_unreadable", f"record {{outcomes}}:{partition}:{index}")


# --- Redis: the market

def keys_of(copy, kind):
    prefix = copy.market.prefix.encode()
    return sorted(k[len(prefix):].decode() for k in copy.redis.scan_iter(match=re.sub(rb"([*?\[\]\\])", rb"\\\1", prefix) + kind.encode() + b"*", count=1000))


@damage
def a_balance_is_changed(copy, dice):
    key = dice.choice(keys_of(copy, "users:"))
    copy.redis.hincrby(copy.key(key), "funds", dice.choice([1, -1, 1000]))
    return Expected("foreign_write", f"{key} funds")


@damage
def a_balance_is_made(copy, dice):
    copy.redis.hset(copy.key("users:stranger"), "funds", 5)
    return Expected("foreign_key", "users:stranger funds")


@damage
def a_balance_is_no_number(copy, dice):
    key = dice.choice(keys_of(copy, "users:"))
    copy.redis.hset(copy.key(key), "funds", "many")
    return Expected("foreign_write", f"{key} funds")


@damage
def a_balance_is_deleted(copy, dice):
    key = dice.choice([k for k in keys_of(copy, "users:") if copy.redis.hget(copy.key(k), "funds") != b"0"])
    copy.redis.delete(copy.key(key))
    return Expected("foreign_write", f"{key} funds")


@damage
def an_item_is_doubled(copy, dice):
    key = dice.choice(keys_of(copy, "inventory:"))
    item = dice.choice(sorted(copy.redis.smembers(copy.key(key)))).decode()
    copy.redis.sadd(copy.key("inventory:stranger"), item)
    return Expected("foreign_key", f"inventory:stranger {item}")


@damage
def an_item_is_lost(copy, dice):
    key = dice.choice(keys_of(copy, "inventory:"))
    item = dice.choice(sorted(copy.redis.smembers(copy.key(key)))).decode()
    copy.redis.srem(copy.key(key), item)
    return Expected("foreign_write", f"{key} {item}")


@damage
def a_listing_has_another_price(copy, dice):
    member, price = dice.choice(copy.redis.zrange(copy.key("market:"), 0, -1, withscores=True))
    copy.redis.zadd(copy.key("market:"), {member: price + 1})
    return Expected("foreign_write", f"market: {member.decode()}")


@damage
def a_listing_is_lost(copy, dice):
    member = dice.choice(copy.redis.zrange(copy.key("market:"), 0, -1))
    copy.redis.zrem(copy.key("market:"), member)
    return Expected("foreign_write", f"market: {member.decode()}")


@damage
def stock_is_changed(copy, dice):
    key = dice.choice(keys_of(copy, "stock:"))
    copy.redis.incrby(copy.key(key), 40)
    return Expected("foreign_write", key)


# --- Redis: marks, outbox, seen lists

def partition_at(copy, dice):
    partition = dice.randrange(len(copy.outcomes))
    return partition, f"{copy.specimen.source}:{partition}"


def mark_is(name, change, kinds):
    def done(copy, dice):
        partition, place = partition_at(copy, dice)
        key = copy.mark(partition)
        value = copy.redis.hget(key, name)
        copy.redis.hset(key, name, change(value, dice))
        return Expected(kinds, place)
    CATALOGUE.append((f"a mark's {name} is another", done))


mark_is("next", lambda v, d: int(v) - d.randint(1, 20), {"mark"})
mark_is("next", lambda v, d: int(v) + d.randint(1, 20), {"mark"})
mark_is("done", lambda v, d: int(v) - d.randint(1, 20), {"mark", "outbox"})
mark_is("done", lambda v, d: int(v) + 5, {"mark"})
mark_is("time", lambda v, d: int(v) - 1, {"mark"})
mark_is("fp", lambda v, d: b"0" * 32, {"mark"})
mark_is("fp_offset", lambda v, d: int(v) - 1, {"mark"})
mark_is("seen_from", lambda v, d: int(v) + 1, {"mark", "seen"})


@damage
def the_last_turn_is_of_a_later_era(copy, dice):
    """Of the last of all: another partition's would overtake those that came after it."""
    partition = max(range(len(copy.outcomes)), key=lambda p: header(copy.outcomes[p][-1], "ce_sequence"))
    records, place = copy.outcomes[partition], f"{copy.specimen.source}:{partition}"
    turn = header(records[-1], "ce_sequence")[:52]
    for index, record in enumerate(records):
        sequence = header(record, "ce_sequence")
        if sequence[:52] == turn:
            copy.change(partition, index, headers=with_header(record, "ce_sequence", b"%010d" % (int(sequence[:10]) + 1) + sequence[10:]))
    return Expected("registry", place)


@damage
def a_mark_is_torn(copy, dice):
    partition, place = partition_at(copy, dice)
    copy.redis.hset(copy.mark(partition), "torn", 1)
    return Expected("mark", place)


def seen_key(copy, dice):
    partition, place = partition_at(copy, dice)
    key = copy.key(f"orderd:seen:{place}")
    return key, place, copy.redis.llen(key)


def element_index(copy, dice, key, length):
    """One with records."""
    for _ in range(1000):
        index = dice.randrange(length)
        if len(copy.redis.lindex(key, index)) > 8:
            return index
    raise AssertionError("the seen list holds no records")


def varints(data):
    """The elements's numbers at its head, and where they end."""
    numbers, at_, shift, number = [], 0, 0, 0
    while len(numbers) < 3:
        number |= (data[at_] & 127) << shift
        shift += 7
        if data[at_] < 128:
            numbers.append(number)
            shift = number = 0
        at_ += 1
    return numbers, at_


@damage
def a_seen_element_is_altered(copy, dice):
    key, place, length = seen_key(copy, dice)
    index = element_index(copy, dice, key, length)
    data = bytearray(copy.redis.lindex(key, index))
    spot = dice.randrange(varints(data)[1], len(data))
    data[spot] ^= 1 << dice.randrange(7)
    copy.redis.lset(key, index, bytes(data))
    return AnyOf("seen", place)


@damage
def a_seen_element_is_removed(copy, dice):
    key, place, length = seen_key(copy, dice)
    index = dice.randrange(length)
    copy.redis.lset(key, index, b"gone")
    copy.redis.lrem(key, 1, b"gone")
    return AnyOf({"seen", "mark"}, place)


# --- the outbox: the last outcomes of a partition go back there, as if they had not been delivered

def varint(number):
    out = bytearray()
    while number > 127:
        out.append(number & 127 | 128)
        number >>= 7
    out.append(number)
    return bytes(out)


def sized(data):
    return varint(0) if data is None else varint(len(data) + 1) + data


def stored(record, kind):
    headers = [h for h in record.headers if h[0] != "ce_sequence"]
    out = varint(1) + varint(kind) + varint(record.partition) + sized(record.key) + varint(len(headers))
    return out + b"".join(sized(n.encode()) + sized(v) for n, v in headers) + sized(record.value)


def unpublish(copy, dice):
    """(partition, entries): of a partition the last turns, whose outcomes leave the topic; the marks say so, and the stream has them."""
    partition = dice.randrange(len(copy.outcomes))
    letters = {header(r, "dlq.original.offset"): r for p in copy.letters for r in p if header(r, "dlq.original.partition") == str(partition).encode()}
    turns = {}
    for record in copy.outcomes[partition]:
        turns.setdefault(header(record, "ce_sequence")[:52], []).append(record)
    last = sorted(turns)[-3:]
    key, next_ = copy.key("orderd:outbox"), int(copy.redis.hget(copy.mark(partition), "next"))
    copy.redis.delete(key)
    starts = [min(int(offset_of(r)) for r in turns[turn]) for turn in last]
    gone = []
    for turn, begin, end in zip(last, starts, starts[1:] + [next_]):
        era, ms, seq = turn.decode().split("-")
        records = b""
        for record in turns[turn]:
            lettered = letters.get(offset_of(record))
            records += stored(record, 0) + (stored(lettered, 1) if lettered else b"")
            gone += [record] + ([lettered] if lettered else [])
        copy.redis.xadd(key, {"at": f"{copy.specimen.source}:{partition}", "from": begin, "to": end, "era": int(era), "records": records}, id=f"{int(ms)}-{int(seq)}")
    copy.redis.hset(copy.mark(partition), "done", starts[0])
    copy.outcomes[partition] = [r for r in copy.outcomes[partition] if r not in gone]
    copy.letters = [[r for r in p if r not in gone] for p in copy.letters]
    return partition, copy.redis.xrange(key)


def offset_of(record):
    return identity(record).rsplit(b"/", 1)[1]


@damage
def outcomes_wait_in_the_outbox(copy, dice):
    """No damage: they are found there."""
    unpublish(copy, dice)
    return Expected("none")


@damage
def an_outbox_entry_is_removed(copy, dice):
    partition, entries = unpublish(copy, dice)
    copy.redis.xdel(copy.key("orderd:outbox"), dice.choice(entries)[0])
    return Expected("outbox", f"{copy.specimen.source}:{partition}")


@damage
def an_outbox_entry_is_altered(copy, dice):
    partition, entries = unpublish(copy, dice)
    number = dice.randrange(len(entries))
    key = copy.key("orderd:outbox")
    copy.redis.delete(key)
    for index, (id_, fields) in enumerate(entries):
        if index == number:
            fields[b"records"] = fields[b"records"].replace(b'"decided_at":"2', b'"decided_at":"1', 1)
        copy.redis.xadd(key, fields, id=id_)
    return AnyOf("headers", f"{copy.specimen.source}:{partition}")


# --- dead letters

def letter(copy, dice):
    """(partition, index, place)"""
    p, i = dice.choice([(p, i) for p, records in enumerate(copy.letters) for i in range(len(records))])
    return p, i, ":".join(header(copy.letters[p][i], f"dlq.original.{part}").decode() for part in ("topic", "partition", "offset"))


@damage
def a_dead_letter_is_removed(copy, dice):
    p, i, place = letter(copy, dice)
    del copy.letters[p][i]
    return Expected("letter_missing", place)


@damage
def a_dead_letter_has_another_value(copy, dice):
    p, i, place = letter(copy, dice)
    copy.letters[p][i] = copy.letters[p][i]._replace(value=(copy.letters[p][i].value or b"") + b"x")
    return Expected("letter_differs", place)


@damage
def a_dead_letter_has_another_key(copy, dice):
    p, i, place = letter(copy, dice)
    copy.letters[p][i] = copy.letters[p][i]._replace(key=b"another")
    return Expected("letter_differs", place)


@damage
def a_dead_letter_has_another_header(copy, dice):
    p, i, place = letter(copy, dice)
    name = dice.choice(["dlq.original.timestamp", "dlq.reason", "dlq.message"])
    copy.letters[p][i] = copy.letters[p][i]._replace(headers=with_header(copy.letters[p][i], name, b"1"))
    return Expected("letter_differs", place)


@damage
def a_good_event_has_a_dead_letter(copy, dice):
    partition, _, value = copy.single(dice, RULED)
    p, i, _ = letter(copy, dice)
    headers = with_header(copy.letters[p][i], "dlq.original.offset", str(value["source"]["offset"]).encode())
    headers = [(n, str(partition).encode() if n == "dlq.original.partition" else v) for n, v in headers]
    copy.letters[p].append(copy.letters[p][i]._replace(headers=headers))
    return Expected("letter_stray", at(value))


@damage
def a_dead_letter_lies_in_another_partition(copy, dice):
    p, i, place = letter(copy, dice)
    record = copy.letters[p].pop(i)
    copy.letters[(p + 1) % len(copy.letters)].append(record)
    return Expected("letter_partition", place)


# --- what nobody has listed

def flipped(data, dice):
    """The bytes with one of them another."""
    data = bytearray(data)
    spot = dice.randrange(len(data))
    data[spot] ^= 1 << dice.randrange(8)
    return bytes(data)


def at_random(copy, dice):
    """One byte somewhere, or one record, or one key. Returns what was done and where it shows, or None where no audit can know: it is done anew then."""
    pick = dice.random()
    if pick < 0.45:
        return random_outcome(copy, dice)
    if pick < 0.55:
        return random_letter(copy, dice)
    return random_key(copy, dice)


def random_outcome(copy, dice):
    partition = dice.randrange(len(copy.outcomes))
    records = copy.outcomes[partition]
    index = dice.randrange(len(records))
    record, places = records[index], {at(json.loads(records[index].value))}
    part = dice.choice(["value", "value", "value", "header", "key", "drop", "double", "move"])
    if part == "value":
        records[index] = record._replace(value=flipped(record.value, dice))
        if blind(record, records[index]):
            return None
    elif part == "header":
        number = dice.randrange(len(record.headers))
        name, value = record.headers[number]
        records[index] = record._replace(headers=record.headers[:number] + [(name, flipped(value, dice))] + record.headers[number + 1:])
        if name == "ce_sequence" and alone(records, record):
            return None
    elif part == "key":
        records[index] = record._replace(key=flipped(record.key or b"x", dice))
    elif part == "drop":
        del records[index]
    elif part == "double":
        records.insert(dice.randrange(index, len(records) + 1), record._replace(value=flipped(record.value, dice)))
    else:
        records.insert(dice.randrange(len(records)), records.pop(index))
        places = None
        if [identity(r) for r in firsts(records)] == [identity(r) for r in firsts(copy.specimen.outcomes[partition])]:
            return None
        places = {at(json.loads(r.value)) for r in records}
    return f"outcome {partition}:{index} {part}", places


def name_of(record):
    """What copies have in common."""
    return identity(record) or tuple(header(record, f"dlq.original.{part}") for part in ("topic", "partition", "offset"))


def firsts(records):
    seen, out = set(), []
    for r in records:
        if name_of(r) not in seen:
            seen.add(name_of(r))
            out.append(r)
    return out


def alone(records, record):
    """Whether it is the only one of its turn: then another sequence between its neighbours' is as good."""
    turn = header(record, "ce_sequence")[:52]
    return len({header(r, "ce_sequence") for r in records if (header(r, "ce_sequence") or b"")[:52] == turn}) == 1


def blind(before, after):
    """Only how many attempts were made is another: a number that stands nowhere else."""
    try:
        a, b = json.loads(before.value), json.loads(after.value)
    except ValueError:
        return False
    return {**a, "attempts": 1} == {**b, "attempts": 1} and isinstance(b["attempts"], int) and 1 <= b["attempts"] < 2**31


def random_letter(copy, dice):
    p = dice.randrange(len(copy.letters))
    if not copy.letters[p]:
        return None
    i = dice.randrange(len(copy.letters[p]))
    record = copy.letters[p][i]
    place = ":".join(header(record, f"dlq.original.{part}").decode() for part in ("topic", "partition", "offset"))
    number = dice.randrange(len(record.headers))
    name, value = record.headers[number]
    if value and dice.random() < 0.7:
        copy.letters[p][i] = record._replace(headers=record.headers[:number] + [(name, flipped(value, dice))] + record.headers[number + 1:])
    elif record.value:
        copy.letters[p][i] = record._replace(value=flipped(record.value, dice))
    else:
        return None
    return f"dead letter {p}:{i} {name}", {place, "letters"}


def random_key(copy, dice):
    name = dice.choice(keys_of(copy, dice.choice(["users:", "inventory:", "stock:", "market:", "orderd:mark:", "orderd:seen:"])))
    key = copy.key(name)
    kind = copy.redis.type(key)
    if kind == b"hash":
        field = dice.choice(sorted(copy.redis.hkeys(key)))
        if field == b"epoch":
            return None
        copy.redis.hset(key, field, flipped(copy.redis.hget(key, field) or b"x", dice))
    elif kind == b"string":
        copy.redis.set(key, flipped(copy.redis.get(key), dice))
    elif kind == b"set":
        copy.redis.srem(key, dice.choice(sorted(copy.redis.smembers(key))))
    elif kind == b"zset":
        copy.redis.zincrby(key, dice.choice([-1, 1, 10]), dice.choice(copy.redis.zrange(key, 0, -1)))
    else:
        length = copy.redis.llen(key)
        index = element_index(copy, dice, key, length)
        copy.redis.lset(key, index, flipped(copy.redis.lindex(key, index), dice))
    return f"key {name}", {name}


def concerns(finding, places):
    """Whether the finding is of one of the places: an event, a partition, a key."""
    text = " ".join([place_of(finding), finding.get("key", ""), *("letters" for _ in [0] if finding["kind"].startswith("letter"))])
    return any(p in text.split() or text.startswith(p) or (p.startswith("orderd:") and p.split(":", 2)[2] in text) for p in places)


# --- all of it

def run_one(specimen, function, seed):
    """None, or what is wrong."""
    dice = random.Random(seed)
    with specimen.copy() as copy:
        expected = function(copy, dice)
        topics = copy.topics()
        copy.topics = lambda: topics
        expected.places = {p.replace("{outcomes}", topics.get("kafka.outcomes", "")) for p in expected.places}
        findings = specimen.audit(copy)
        if expected.kinds == {"none"}:
            return f"expected nothing, found {json.dumps(findings)[:2000]}" if findings else None
        return expected.complaint(findings)


def run_random(specimen, seed):
    """(what was done, what is wrong or None)"""
    dice = random.Random(seed)
    while True:
        with specimen.copy() as copy:
            done = at_random(copy, dice)
            if done is None:
                continue
            what, places = done
            findings = specimen.audit(copy, "--max-findings", "1000")
            strange = [f for f in findings if not concerns(f, places)]
            if not findings:
                return what, "nothing was found"
            return what, f"found elsewhere: {json.dumps(strange, indent=1)[:2000]}" if strange else None


def main():
    from ground import Ground

    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--events", type=int, default=1500)
    parser.add_argument("--kills", type=int, default=3)
    parser.add_argument("--random", type=int, default=100)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", default="", help="catalogue entries whose name holds this")
    words = parser.parse_args()
    room, passed, failed, begun = tempfile.mkdtemp(prefix="orderd-damages-"), 0, 0, time.monotonic()
    try:
        with Ground(room, words.seed, dead_letter_partitions=2) as ground:
            ground.play(words.events, words.kills)
            for daemon in ground.daemons:
                daemon.stop()
            specimen = Specimen(ground.market, room)
            for name, function in CATALOGUE:
                if words.only not in name:
                    continue
                wrong = run_one(specimen, function, words.seed)
                passed, failed = passed + (wrong is None), failed + (wrong is not None)
                print(f"{'ok  ' if wrong is None else 'FAIL'} {name}{'' if wrong is None else ': ' + wrong}", flush=True)
            for number in range(words.random):
                what, wrong = run_random(specimen, words.seed * 1000003 + number)
                passed, failed = passed + (wrong is None), failed + (wrong is not None)
                print(f"{'ok  ' if wrong is None else 'FAIL'} random {number}: {what}{'' if wrong is None else ': ' + wrong}", flush=True)
    finally:
        shutil.rmtree(room, ignore_errors=True)
    print(f"{passed} passed, {failed} failed, {time.monotonic() - begun:.0f} s")
    return failed > 0


if __name__ == "__main__":
    sys.exit(main())
