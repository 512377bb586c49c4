"""A market for one test: topics, group and prefix of its own, the events that go in and the outcomes that come out."""
import itertools
import json
import time
import uuid

from audit import Audit, snapshot
from broker import Record
from daemon import Orderd
from process import PATIENCE_S, until

_numbers = itertools.count(1)


def event(kind, id=None, **fields):
    """One event as a dict; the id is a fresh one unless given."""
    return {"id": id or f"{kind}-{next(_numbers)}", "type": kind, **fields}


def deposit(user, amount, **more):
    return event("deposit", user=user, amount=amount, **more)


def grant(user, item, **more):
    return event("grant", user=user, item=item, **more)


def list_(seller, item, price, **more):
    return event("list", seller=seller, item=item, price=price, **more)


def unlist(seller, item, **more):
    return event("unlist", seller=seller, item=item, **more)


def purchase(buyer, seller, item, price, **more):
    return event("purchase", buyer=buyer, seller=seller, item=item, price=price, **more)


def reserve(sku, quantity, buyer, **more):
    return event("reserve", sku=sku, quantity=quantity, buyer=buyer, **more)


def restock(sku, quantity, **more):
    return event("restock", sku=sku, quantity=quantity, **more)


def encode(value):
    return json.dumps(value).encode() if isinstance(value, dict) else value


class Outcome:
    """One outcome record, taken apart. `record` has the bytes."""

    def __init__(self, record):
        self.record = record
        self.headers = {name: value.decode() if value is not None else None for name, value in record.headers}
        self.value = json.loads(record.value)
        self.identity = (self.headers.get("ce_source"), self.headers.get("ce_id"))
        self.sequence = self.headers.get("ce_sequence")
        source = self.value["source"]
        self.topic, self.partition, self.offset = source["topic"], source["partition"], source["offset"]

    @property
    def status(self):
        return self.value["status"]

    @property
    def reason(self):
        return self.value["reason"]

    @property
    def facts(self):
        return self.value["facts"]

    @property
    def verdict(self):
        """("rejected", "not_held")"""
        return self.status, self.reason

    def __repr__(self):
        return f"Outcome({self.headers.get('ce_id')} {self.status} {self.reason} {self.facts})"


class Market:
    """Fresh topics, a group and a prefix; daemons that share them.

        market = Market(broker, redis_server, directory, partitions=3)
        orderd = market.daemon()                     # started; settings by keyword with "__" for the dot
        market.send(deposit("27", 125), key=b"27")   # or send_all([...]); waits for the broker's word
        first, = market.outcomes(1)                  # once as many distinct outcomes are there, in the order of sending
        market.audit()                               # the whole promise, on everything so far

    sources: how many source topics; settings: for every daemon, dotted names as in the file. The market's keys before the
    first event count as its starting state: put() them before the first daemon() or call start_state() afterwards.
    """

    def __init__(self, broker, redis_server, directory, partitions=1, sources=1, dead_letter_partitions=1, prefix=None, database=0, settings=None):
        self.broker, self.server, self.directory = broker, redis_server, directory
        self.database = database
        # Kafka 4 refuses timestamps an hour ahead unless told otherwise; tests have clocks that go wrong.
        self.sources = [broker.topic("orders", partitions, message_timestamp_after_max_ms=2**63 - 1) for _ in range(sources)]
        self.source = self.sources[0]
        self.partitions = partitions
        self.outcome_topic = broker.topic("outcomes", partitions)
        self.dead_letter_topic = broker.topic("dead-letters", dead_letter_partitions, max_message_bytes=2000000)
        self.group = f"group-{uuid.uuid4().hex[:8]}"
        self.prefix = f"t{uuid.uuid4().hex[:8]}:" if prefix is None else prefix
        self.redis = redis_server.client(db=database)
        self.settings = {
            "kafka.brokers": broker.bootstrap, "kafka.group": self.group, "kafka.topics": self.sources, "kafka.outcomes": self.outcome_topic,
            "kafka.dead_letters": self.dead_letter_topic, "redis.address": redis_server.address, "redis.database": database,
            "redis.prefix": self.prefix, **(settings or {})}
        self.sharded = self.settings.get("shard") == "partition"
        self.sent = []                      # (topic, partition, offset) in the order of sending
        self.start = None                   # the market before the first event, see audit.snapshot
        self._reader, self._copies, self._first = None, [], {}
        self.daemons = []

    # daemons

    def make(self, name=None, **settings):
        """An Orderd on this market, not yet started."""
        number = len(self.daemons) + 1
        given = {key.replace("__", "."): value for key, value in settings.items()}
        self.daemons.append(Orderd(self.directory, {**self.settings, **given}, name or ("orderd" if number == 1 else f"orderd{number}")))
        return self.daemons[-1]

    def daemon(self, name=None, **settings):
        """A started Orderd. The first one fixes the starting state that audit() compares with."""
        if self.start is None:
            self.start_state()
        return self.make(name, **settings).start()

    def start_state(self):
        """Takes the market's present keys as what the first event meets."""
        self.start = snapshot(self)
        return self.start

    # keys

    def key(self, name, partition=None):
        """The full name of a key: prefix, and the hash tag of the partition where the market is sharded."""
        return self.prefix + (f"{{{partition}}}" if self.sharded else "") + name

    def mark(self, partition=0, topic=None):
        return self.redis.hgetall(self.key(f"orderd:mark:{topic or self.source}:{partition}", partition))

    def meta(self, partition=0):
        return self.redis.hgetall(self.key("orderd:meta", partition))

    def funds(self, user, partition=0):
        value = self.redis.hget(self.key(f"users:{user}", partition), "funds")
        return None if value is None else int(value)

    def holds(self, user, item, partition=0):
        return bool(self.redis.sismember(self.key(f"inventory:{user}", partition), item))

    def listed(self, item, seller, partition=0):
        """The price, or None."""
        return self.redis.zscore(self.key("market:", partition), f"{item}.{seller}")

    def stock(self, sku, partition=0):
        value = self.redis.get(self.key(f"stock:{sku}", partition))
        return None if value is None else int(value)

    # events

    def send(self, value, key=None, partition=0, headers=None, timestamp=0, topic=None):
        """Sends an event (a dict) or a raw value (bytes or None); returns its offset."""
        return self.send_all([Record(partition, None, key, encode(value), headers, timestamp)], topic)[0]

    def send_all(self, events, topic=None, partition=0):
        """Sends events in order: dicts or bytes to `partition`, or Records; returns the offsets."""
        topic = topic or self.source
        records = [e._replace(value=encode(e.value)) if isinstance(e, Record) else Record(partition, None, None, encode(e), None, 0)
                   for e in events]
        offsets = self.broker.send_all(topic, records)
        self.sent += [(topic, r.partition, offset) for r, offset in zip(records, offsets)]
        return offsets

    # outcomes

    @property
    def reader(self):
        if self._reader is None:
            self._reader = self.broker.reader(self.outcome_topic)
        return self._reader

    def _take(self, timeout):
        """Reads what is there and takes it apart."""
        self.reader.poll(timeout)
        for record in self.reader.records[len(self._copies):]:
            outcome = Outcome(record)
            self._copies.append(outcome)
            known = self._first.get((outcome.topic, outcome.partition, outcome.offset))
            if known is None or known.identity != outcome.identity:
                self._first[outcome.topic, outcome.partition, outcome.offset] = outcome

    def _take_all(self, timeout=60):
        ends = self.broker.ends(self.outcome_topic)
        until(lambda: self._take(0.02) or all(self.reader.position(p) >= end for p, end in ends.items()), timeout,
              "the outcomes cannot be read")

    def copies(self):
        """Every outcome record that is there by now, copies included."""
        self._take_all()
        return self._copies

    def first_copies(self, timeout=60):
        """{(topic, partition, offset): Outcome} of what is there by now; the last incarnation's where there are two. timeout: for reading it."""
        self._take_all(timeout)
        return self._first

    def outcomes(self, count=None, timeout=30, alive=()):
        """Waits until each event sent (or the first `count` of them) has an outcome; returns them in the order of sending.
        timeout: as that of until()."""
        wanted = self.sent[:] if count is None else self.sent[:count]
        timeout = max(timeout, PATIENCE_S)
        end, at = time.monotonic() + timeout, 0
        while True:
            self._take(0.02)
            while at < len(wanted) and wanted[at] in self._first:
                at += 1
            if at == len(wanted):
                return [self._first[x] for x in wanted]
            for daemon in alive:
                assert daemon.alive, f"{daemon.name} ended with {daemon.exit_code}; its log:\n{daemon.tail()}"
            if time.monotonic() > end:
                missing = [x for x in wanted if x not in self._first]
                raise AssertionError(f"{len(missing)} of {len(wanted)} outcomes missing after {timeout} s, first {missing[:3]}")

    def play(self, events, **options):
        """Sends events and returns their outcomes."""
        before = len(self.sent)
        self.send_all(events, **options)
        return self.outcomes()[before:]

    def dead_letters(self):
        return self.broker.read(self.dead_letter_topic)

    def audit(self, **options):
        """The promise on everything so far (audit.py); returns the Audit with its counts."""
        return Audit(self, **options).run()

    def close(self):
        """Kills its daemons."""
        for daemon in self.daemons:
            daemon.kill()
        if self._reader:
            self._reader.close()
        self.redis.close()
