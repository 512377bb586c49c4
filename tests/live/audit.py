"""An independent oracle: holds everything that came out of a market against the promise (DESIGN 1) and a naive replay (DESIGN 2.2).

It shares nothing with the daemon: sources, outcomes and dead letters are read from Kafka, the market from Redis, and every decision
is made once more, in the order of ce_sequence, by the few lines below.
"""
import collections
import copy
import json
import re

from confluent_kafka import KafkaException

from process import until

INVALID = "invalid"      # a key of another type, or a value that is no integer
INT64_MAX = 2**63 - 1
SAFE_MAX = 2**53 - 1
FIELDS = {
    "list": ("seller", "item", "price"), "unlist": ("seller", "item"), "purchase": ("buyer", "seller", "item", "price"),
    "reserve": ("sku", "quantity", "buyer"), "restock": ("sku", "quantity"), "deposit": ("user", "amount"), "grant": ("user", "item")}
NUMBERS = ("price", "quantity", "amount")
HEADERS = ["ce_specversion", "ce_id", "ce_source", "ce_type", "ce_subject", "ce_time", "content-type", "traceparent", "tracestate", "ce_sequence"]


# --- the market in Redis

class State:
    """funds {user: int}, stock {sku: int}, inventory {user: {item}}, market {"ITEM.SELLER": price}; INVALID where no such thing is there."""

    def __init__(self):
        self.funds, self.stock, self.inventory, self.market = {}, {}, {}, {}

    def plain(self):
        """Comparable: a user with 0 is a user without funds, an empty set is none."""
        return {"funds": {k: v for k, v in self.funds.items() if v != 0}, "stock": dict(self.stock),
                "inventory": {k: v for k, v in self.inventory.items() if v}, "market": self.market}


def integer(text):
    """What Redis itself takes as an integer."""
    if not re.fullmatch(r"0|-?[1-9][0-9]*", text) or not -INT64_MAX - 1 <= int(text) <= INT64_MAX:
        return INVALID
    return int(text)


def price(score):
    return int(score) if abs(score) <= SAFE_MAX and score == int(score) else INVALID


def snapshot(market):
    """{shard number or None: State}: the market as Redis holds it now."""
    states, redis = {}, market.redis
    for shard in range(market.partitions) if market.sharded else [None]:
        state = states[shard] = State()
        prefix = market.key("", shard)
        for key in redis.scan_iter(match=re.sub(r"([*?\[\]\\])", r"\\\1", prefix) + "*", count=1000):
            name, _, owner = key[len(prefix):].partition(":")
            kind = redis.type(key)
            if name == "users":
                value = redis.hget(key, "funds") if kind == "hash" else ""
                if value is not None:
                    state.funds[owner] = integer(value)
            elif name == "stock":
                state.stock[owner] = integer(redis.get(key)) if kind == "string" else INVALID
            elif name == "inventory":
                state.inventory[owner] = redis.smembers(key) if kind == "set" else INVALID
            elif name == "market" and not owner:
                state.market = {m: price(s) for m, s in redis.zrange(key, 0, -1, withscores=True)} if kind == "zset" else INVALID
    return states


# --- messages in

class Malformed(Exception):
    """Its argument is the reason."""


Event = collections.namedtuple("Event", "kind id source fields carried deadline_ms")


class Real:
    """A JSON number with a fraction or an exponent."""


def parse(text):
    def once(pairs):
        if len({name for name, _ in pairs}) < len(pairs):
            raise Malformed("duplicate_field")
        return dict(pairs)

    def whole(digits):
        if not -INT64_MAX - 1 <= int(digits) <= INT64_MAX:
            raise Malformed("number_out_of_range")
        return int(digits)

    def never(_):
        raise Malformed("not_json")

    try:
        text = text.decode()
    except UnicodeDecodeError:
        raise Malformed("invalid_utf8") from None
    decoder = json.JSONDecoder(object_pairs_hook=once, parse_int=whole, parse_float=lambda _: Real(), parse_constant=never)
    try:
        start = len(text) - len(text.lstrip(" \t\r\n"))
        value, end = decoder.raw_decode(text, start)
    except (json.JSONDecodeError, RecursionError):
        raise Malformed("not_json") from None
    if text[end:].strip(" \t\r\n"):
        raise Malformed("trailing_bytes")
    if not isinstance(value, dict):
        raise Malformed("not_object")
    return value


def envelope_of(record):
    """(mode, type, id, source) by the headers."""
    headers = dict(record.headers)
    content = (headers.get("content-type") or b"").lower()
    if content.startswith(b"application/cloudevents"):
        if not re.match(rb"application/cloudevents(\+json)?([; ]|$)", content):
            raise Malformed("cloudevent_invalid")
        return "structured", None, None, ""
    if "ce_specversion" not in headers and not ("ce_id" in headers and "ce_type" in headers):
        return None, None, None, ""
    names = [name for name, _ in record.headers if name in ("ce_specversion", "ce_id", "ce_type", "ce_source")]
    if headers.get("ce_specversion") != b"1.0" or sorted(names) != ["ce_id", "ce_source", "ce_specversion", "ce_type"] or not headers["ce_source"]:
        raise Malformed("cloudevent_invalid")
    return "binary", headers["ce_type"].decode(), headers["ce_id"].decode(), headers["ce_source"].decode()


def member(data, name, given):
    """A member of the data which the envelope may have said already."""
    if name not in data:
        if given is None:
            raise Malformed("missing_field")
        return given
    if not isinstance(data[name], str):
        raise Malformed("wrong_type")
    if given is not None and given != data[name]:
        raise Malformed("envelope_conflict")
    return data[name]


def field(data, name):
    value = data.get(name, Malformed)
    if value is Malformed:
        raise Malformed("missing_field")
    if name in NUMBERS or name == "deadline_ms":
        if not isinstance(value, int) or isinstance(value, bool):
            raise Malformed("wrong_type")
        if not 1 <= value <= SAFE_MAX:
            raise Malformed("number_out_of_range")
    else:
        if not isinstance(value, str):
            raise Malformed("wrong_type")
        if not re.fullmatch(r"[A-Za-z0-9_-]{1,64}", value):
            raise Malformed("invalid_name")
    return value


def decode(record):
    """The Event in a message, or Malformed."""
    mode, kind, id, source = envelope_of(record)
    if record.value is None:
        raise Malformed("no_value")
    data = parse(record.value)
    if mode == "structured":
        kind, id, source = data.get("type"), data.get("id"), data.get("source")
        if data.get("specversion") != "1.0" or not all(isinstance(x, str) for x in (kind, id, source)) or not source or \
                "data_base64" in data or not isinstance(data.get("data"), dict):
            raise Malformed("cloudevent_invalid")
        data = data["data"]
    kind, id = member(data, "type", kind), member(data, "id", id)
    if not 1 <= len(id.encode()) <= 128 or re.search(r"[\x00-\x1f\x7f-\x9f]", id):
        raise Malformed("invalid_id")
    if kind not in FIELDS:
        raise Malformed("unknown_type")
    fields = {name: field(data, name) for name in sorted(FIELDS[kind], key=["buyer", "seller", "user", "item", "sku", "price", "quantity", "amount"].index)}
    deadline = field(data, "deadline_ms") if "deadline_ms" in data else None
    return Event(kind, id, source, fields, {k: v for k, v in data.items() if k not in ("type", "id")}, deadline)


# --- the rules

def refused(reason, **facts):
    return "rejected", reason, facts


def applied(**facts):
    return "applied", None, facts


def decide(state, e):
    """(status, reason, facts) of one event, whose effects are put into `state`."""
    f = e.fields
    invalid = invalid_keys(state, e)
    if invalid:
        return refused("state_invalid", invalid=invalid)
    return globals()[f"decide_{e.kind}"](state, f)


def invalid_keys(state, e):
    """The keys of this event that do not hold what they should."""
    f, keys = e.fields, set()
    users = [f[n] for n in ("buyer", "seller") if n in f] if e.kind == "purchase" else [f["user"]] if e.kind == "deposit" else []
    keys |= {f"users:{u}" for u in users if state.funds.get(u) == INVALID}
    holder = {"list": "seller", "unlist": "seller", "purchase": "buyer", "grant": "user"}.get(e.kind)
    if holder and state.inventory.get(f[holder]) == INVALID:
        keys.add(f"inventory:{f[holder]}")
    if e.kind in ("list", "unlist", "purchase") and (state.market == INVALID or state.market.get(f"{f['item']}.{f['seller']}") == INVALID):
        keys.add("market:")
    if "sku" in f and state.stock.get(f["sku"]) == INVALID:
        keys.add(f"stock:{f['sku']}")
    return keys


def decide_list(state, f):
    held, member = state.inventory.setdefault(f["seller"], set()), f"{f['item']}.{f['seller']}"
    if f["item"] not in held:
        return refused("not_held", seller_holds=False)
    if member in state.market:
        return refused("already_listed", seller_holds=True, price=state.market[member])
    held.remove(f["item"])
    state.market[member] = f["price"]
    return applied(price=f["price"], seller_holds=[True, False])


def decide_unlist(state, f):
    held, member = state.inventory.setdefault(f["seller"], set()), f"{f['item']}.{f['seller']}"
    if member not in state.market:
        return refused("not_listed", price=None)
    if f["item"] in held:
        return refused("already_held", price=state.market[member], seller_holds=True)
    held.add(f["item"])
    return applied(price=state.market.pop(member), seller_holds=[False, True])


def decide_purchase(state, f):
    buyer, seller, member = f["buyer"], f["seller"], f"{f['item']}.{f['seller']}"
    held = state.inventory.setdefault(buyer, set())
    has, gets = state.funds.get(buyer, 0), state.funds.get(seller, 0)
    if member not in state.market:
        return refused("not_listed", price=None)
    asked = state.market[member]
    if asked != f["price"]:
        return refused("price_changed", price=asked)
    if has < asked:
        return refused("insufficient_funds", price=asked, buyer_funds=has)
    if f["item"] in held:
        return refused("already_held", price=asked, buyer_funds=has, buyer_holds=True)
    if buyer != seller and gets + asked > INT64_MAX:
        return refused("limit_exceeded", price=asked, buyer_funds=has, seller_funds=gets)
    del state.market[member]
    held.add(f["item"])
    if buyer == seller:
        return applied(price=asked, buyer_funds=[has, has], seller_funds=[has, has])
    state.funds[buyer], state.funds[seller] = has - asked, gets + asked
    return applied(price=asked, buyer_funds=[has, has - asked], seller_funds=[gets, gets + asked])


def decide_reserve(state, f):
    left = state.stock.get(f["sku"])
    if left is None:
        return refused("unknown_sku", stock=None)
    if left < f["quantity"]:
        return refused("out_of_stock", stock=left)
    state.stock[f["sku"]] = left - f["quantity"]
    return applied(stock=[left, left - f["quantity"]])


def decide_restock(state, f):
    left = state.stock.get(f["sku"])
    if (left or 0) + f["quantity"] > INT64_MAX:
        return refused("limit_exceeded", stock=left)
    state.stock[f["sku"]] = (left or 0) + f["quantity"]
    return applied(stock=[left, state.stock[f["sku"]]])


def decide_deposit(state, f):
    has = state.funds.get(f["user"], 0)
    if has + f["amount"] > INT64_MAX:
        return refused("limit_exceeded", funds=has)
    state.funds[f["user"]] = has + f["amount"]
    return applied(funds=[has, has + f["amount"]])


def decide_grant(state, f):
    held = state.inventory.setdefault(f["user"], set())
    if f["item"] in held:
        return refused("already_held", user_holds=True)
    held.add(f["item"])
    return applied(user_holds=[False, True])


# --- duplicates (DESIGN 4.8)

class Window:
    """The duplicate window of one partition."""

    def __init__(self, window_s, ids):
        self.window_ms, self.ids, self.time = window_s * 1000, ids, None
        self.records, self.by_id = collections.deque(), {}

    def advance(self, timestamp):
        if timestamp < 0 or (self.time is not None and timestamp <= self.time):
            return
        self.time = timestamp if self.time is None else min(timestamp, self.time + 60000)

    def find(self, e):
        """(offset, status, same content) of the decision that makes this event a duplicate."""
        known = self.by_id.get((e.source, e.id))
        if not known or (self.time or 0) - known[1] >= self.window_ms:
            return None
        return known[2], known[3], known[4] == (e.kind, e.fields)

    def add(self, e, offset, status):
        """Only what find() does not know is added: a record that its id has in there already is out of time."""
        record = ((e.source, e.id), self.time or 0, offset, status, (e.kind, e.fields))
        self.records.append(record)
        self.by_id[record[0]] = record
        if len(self.records) > self.ids:
            oldest = self.records.popleft()
            if self.by_id[oldest[0]] is oldest:
                del self.by_id[oldest[0]]


# --- the audit

class Audit:
    """Market.audit(). Options for what a test did on purpose:

    incarnations: how many ce_sources may be seen (a resolution that decides again makes a new one; then nothing is replayed)
    rolled_back: they come from --accept-rollback alone: of several decisions of an event the last one counts, and those are replayed
    replay: False leaves out the replay and the final state (somebody wrote into the same keys)
    foreign: members of market: that begin with this belong to another writer and are not compared
    lost: {(topic, partition, offset)} decided without an outcome (--accept-loss): the oracle decides them itself, in offset order
    skipped: {(topic, partition, offset)} never decided (--accept-gap, --from)
    """

    def __init__(self, market, incarnations=1, rolled_back=False, replay=True, foreign=None, lost=(), skipped=(), timeout=20):
        self.market, self.incarnations, self.timeout = market, incarnations, timeout
        self.replay = replay and (incarnations == 1 or rolled_back)
        self.foreign, self.lost, self.skipped = foreign, set(lost), set(skipped)
        self.counts = collections.Counter()

    def run(self):
        self.settled()
        broker, market = self.market.broker, self.market
        self.source = {(t, r.partition, r.offset): r for t in market.sources for r in broker.read(t)}
        for at in self.skipped:
            self.source.pop(at, None)
        self.outcomes = self.distinct(broker.read(market.outcome_topic))
        self.one_decision_each()
        self.counting = self.last_decisions()
        for outcome in self.outcomes:
            self.well_formed(outcome)
        self.sequences_rise()
        self.count()
        self.letters(broker.read(market.dead_letter_topic))
        if self.replay:
            self.replayed()
        return self

    # offsets, marks and outbox at rest

    def unsettled(self):
        """What is not at rest yet; "" when everything is. A Kafka that does not answer, since it was frozen a moment ago, is not."""
        try:
            return self._at_work()
        except KafkaException as error:
            return f"Kafka does not tell it: {error}"

    def _at_work(self):
        m = self.market
        for topic in m.sources:
            committed = m.broker.committed(m.group, topic)
            for number, end in m.broker.ends(topic).items():
                mark = m.mark(number, topic)
                if (mark.get("next"), mark.get("done")) != (str(end), str(end)):
                    return f"the mark of {topic}:{number} is {mark}, the log ends at {end}"
                if (committed[number][0] or 0) != end:
                    return f"committed for {topic}:{number} is {committed[number]}, the log ends at {end}"
        for shard in range(m.partitions) if m.sharded else [None]:
            key = m.key("orderd:outbox", shard)
            if m.redis.xlen(key):
                return f"{key} holds {m.redis.xlen(key)} entries"
        return ""

    def settled(self):
        until(lambda: not self.unsettled(), self.timeout, self.unsettled)

    # outcomes

    def distinct(self, records):
        """Copies are byte-identical; first copies come in the order of offsets."""
        from market import Outcome
        first, last = {}, {}
        for record in records:
            outcome = Outcome(record)
            known = first.get(outcome.identity)
            if known:
                assert known.record._replace(offset=0, timestamp=0) == record._replace(offset=0, timestamp=0), \
                    f"copies of {outcome.identity} differ:\n{known.record}\n{record}"
                self.counts["copies"] += 1
                continue
            first[outcome.identity] = outcome
            stream = (outcome.identity[0], outcome.topic, outcome.partition)
            assert outcome.offset > last.get(stream, -1), f"{outcome.identity} comes after offset {last[stream]}"
            last[stream] = outcome.offset
        return list(first.values())

    def one_decision_each(self):
        at = collections.Counter((o.topic, o.partition, o.offset) for o in self.outcomes)
        strange = set(at) - set(self.source)
        assert not strange, f"outcomes of offsets that hold no event: {sorted(strange)[:5]}"
        missing = set(self.source) - set(at) - self.lost
        assert not missing, f"{len(missing)} events without a decision: {sorted(missing)[:5]}"
        sources = collections.defaultdict(set)
        for o in self.outcomes:
            sources[o.partition if self.market.sharded else None].add(o.identity[0])
        assert all(len(found) <= self.incarnations for found in sources.values()), f"incarnations: {dict(sources)}"
        if self.incarnations == 1:
            twice = [x for x, n in at.items() if n > 1]
            assert not twice, f"decided twice: {twice[:5]}"

    def last_decisions(self):
        """Eras rise with incarnations, so the last decision of an event has the highest sequence."""
        last = {}
        for o in sorted(self.outcomes, key=lambda o: o.sequence):
            last[o.topic, o.partition, o.offset] = o
        return list(last.values())

    def well_formed(self, o):
        """Identity, key, partition and headers (DESIGN 2.3)."""
        source, headers = self.source[o.topic, o.partition, o.offset], o.headers
        names = [name for name, _ in o.record.headers]
        assert names == [n for n in HEADERS if n in names] and len(set(names)) == len(names), names
        assert {"ce_specversion", "ce_id", "ce_source", "ce_type", "ce_time", "content-type", "ce_sequence"} <= set(names), names
        assert headers["ce_specversion"] == "1.0" and headers["ce_type"] == "orderd.outcome" and headers["content-type"] == "application/json"
        assert headers["ce_id"] == f"{o.topic}/{o.partition}/{o.offset}"
        assert re.fullmatch(r"/orderd/[0-9a-f-]{36}", headers["ce_source"]), headers["ce_source"]
        assert re.fullmatch(r"\d{10}-\d{20}-\d{20}-\d{6}", o.sequence), o.sequence
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", headers["ce_time"]) and headers["ce_time"] == o.value["decided_at"]
        assert o.record.key == source.key and o.record.partition == o.partition, o
        assert o.value["source"]["timestamp"] == source.timestamp and o.value["attempts"] >= 1, o

    def sequences_rise(self):
        """One total order in each market, which agrees with offsets."""
        last, all_of = {}, collections.defaultdict(list)
        for o in sorted(self.outcomes, key=lambda o: (o.identity[0], o.topic, o.partition, o.offset)):
            stream = (o.identity[0], o.topic, o.partition)
            assert o.sequence > last.get(stream, ""), f"{o} has sequence {o.sequence} after {last[stream]}"
            last[stream] = o.sequence
            all_of[o.partition if self.market.sharded else None].append(o.sequence)
        for sequences in all_of.values():
            assert len(set(sequences)) == len(sequences), "a sequence is given twice"

    def count(self):
        for o in self.outcomes:
            self.counts[o.status] += 1
        consumed = sum(self.counts[s] for s in ("applied", "rejected", "expired", "duplicate", "malformed"))
        if self.incarnations == 1:
            assert consumed + len(self.lost) == len(self.source), self.counts
        self.counts["consumed"] = consumed

    def letters(self, records):
        """One dead letter for each malformed message, byte for byte."""
        number = self.market.broker.partitions(self.market.dead_letter_topic)
        wanted = {(o.topic, o.partition, o.offset): o for o in self.outcomes if o.status == "malformed"}
        found = {}
        for r in records:
            own = {name: value.decode() for name, value in r.headers if name.startswith("dlq.") and not name.startswith("dlq.redrive.")}
            at = own["dlq.original.topic"], int(own["dlq.original.partition"]), int(own["dlq.original.offset"])
            assert found.setdefault(at, r)._replace(offset=0, timestamp=0) == r._replace(offset=0, timestamp=0), f"dead letters of {at} differ"
            assert at in wanted or at in self.lost, f"a dead letter of {at}, which is not malformed"
            source = self.source[at]
            assert (r.key, r.value, r.partition) == (source.key, source.value, at[1] % number), f"{r}\n{source}"
            assert r.headers[:len(source.headers)] == source.headers and len(r.headers) == len(source.headers) + len(own), f"{r}\n{source}"
            assert int(own["dlq.original.timestamp"]) == source.timestamp and own["dlq.message"]
            assert at not in wanted or own["dlq.reason"] == wanted[at].reason
        assert set(wanted) <= set(found), f"without a dead letter: {sorted(set(wanted) - set(found))[:5]}"

    # the replay

    def in_order(self):
        """[(topic, partition, offset), Outcome or None]: by sequence, a lost decision just before the next one of its partition."""
        order = [((o.topic, o.partition, o.offset), o) for o in sorted(self.counting, key=lambda o: o.sequence)]
        for at in sorted(self.lost & set(self.source), reverse=True):
            place = next((i for i, (other, _) in enumerate(order) if other[:2] == at[:2] and other[2] > at[2]), len(order))
            order.insert(place, (at, None))
        return order

    def replayed(self):
        market = self.market
        states = copy.deepcopy(market.start)
        meta = market.meta()
        windows = collections.defaultdict(lambda: Window(int(meta["window_s"]), int(meta["ids"])))
        for at, outcome in self.in_order():
            self.replay_one(states[at[1] if market.sharded else None], windows[at[:2]], at, outcome)
        found = snapshot(market)
        for shard, state in states.items():
            expected, actual = state.plain(), found[shard].plain()
            for name in expected:
                e, a = self.own(expected[name]), self.own(actual[name])
                assert e == a, f"{name}{'' if shard is None else f' of shard {shard}'}: expected {difference(e, a)}, found {difference(a, e)}"
        self.conserved(found)

    def own(self, values):
        return values if not self.foreign or values == INVALID else {k: v for k, v in values.items() if not k.startswith(self.foreign)}

    def replay_one(self, state, window, at, outcome):
        record = self.source[at]
        window.advance(record.timestamp)
        try:
            e = decode(record)
        except Malformed as malformed:
            self.expect(outcome, at, "malformed", str(malformed), {})
            return
        first = window.find(e)
        if first:
            self.expect(outcome, at, "duplicate", "delivered_again" if first[2] else "id_reused", {})
            assert not outcome or outcome.value["first"] == {"offset": first[0], "status": first[1]}, outcome
            return
        if outcome and outcome.status == "expired":
            limit = self.market.settings.get(f"deadline_ms.{e.kind}", 0 if e.kind in ("restock", "deposit", "grant") else 1)
            assert outcome.reason == "deadline" and (limit or e.deadline_ms), f"{outcome} expired without a deadline"
            window.add(e, at[2], "expired")
            return
        status, reason, facts = decide(state, e)
        self.expect(outcome, at, status, reason, facts)
        window.add(e, at[2], status)
        if outcome:
            self.carried(outcome, record, e)

    def expect(self, outcome, at, status, reason, facts):
        if outcome is None:
            return
        assert (outcome.status, outcome.reason) == (status, reason), f"{outcome}: the oracle says {status} {reason} {facts}"
        if reason == "state_invalid":
            assert set(outcome.facts) == {"invalid"} and outcome.facts["invalid"] in facts["invalid"], f"{outcome}: {facts}"
        else:
            assert outcome.facts == facts, f"{outcome}: the oracle says {facts}"

    def carried(self, outcome, record, e):
        """What the outcome takes over from the event."""
        assert outcome.value["id"] == e.id and outcome.value["type"] == e.kind, outcome
        if not outcome.value.get("truncated") and not any(isinstance(v, Real) for v in e.carried.values()):
            assert outcome.value["event"] == e.carried, outcome.value
        assert outcome.headers.get("ce_subject") == e.fields.get("sku", e.fields.get("item")), outcome.headers
        parent = dict(record.headers).get("traceparent")
        if parent and re.fullmatch(rb"00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}", parent) and parent[3:35].strip(b"0") and parent[36:52].strip(b"0"):
            child = outcome.headers["traceparent"]
            assert child[:36] == parent.decode()[:36] and child[52:] == f"-0{int(parent[53:], 16) & 3}" and child[36:52] != parent.decode()[36:52], child

    def conserved(self, found):
        """Money and items: what is there is what was there, what came in by deposit and grant, and nothing else."""
        start, money, items = self.market.start, collections.Counter(), collections.Counter()
        for o in self.counting:
            if o.status == "applied" and o.value["type"] == "deposit":
                money["in"] += o.value["event"]["amount"]
            if o.status == "applied" and o.value["type"] == "grant":
                items[o.value["event"]["item"]] += 1
        if self.lost or any(INVALID in s.funds.values() for s in [*start.values(), *found.values()]):
            return
        before, after = (sum(sum(s.funds.values()) for s in states.values()) for states in (start, found))
        assert before + money["in"] == after, f"money: {before} + {money['in']} deposited, {after} found"
        assert self.items(start) + items == self.items(found), "items are not conserved"

    def items(self, states):
        found = collections.Counter()
        for state in states.values():
            for items in state.inventory.values():
                found.update(items if items != INVALID else ())
            found.update(m.partition(".")[0] for m in self.own(state.market) if state.market != INVALID)
        return found


def difference(a, b):
    """The entries of a that b has not, few enough to read."""
    if not isinstance(a, dict) or not isinstance(b, dict):
        return a
    return dict(list({k: v for k, v in a.items() if b.get(k) != v}.items())[:5])
