"""Snapshots as a program of somebody else reads them, and what the log says should stand in one: an independent fold of the outcomes' facts."""
import base64
import collections
import json
import subprocess

from daemon import BINARY


def run(*arguments, timeout=120):
    """`orderd ARGUMENTS` to its end: a CompletedProcess with text."""
    return subprocess.run([BINARY, *map(str, arguments)], capture_output=True, text=True, timeout=timeout)


def take(market, name="snapshot", daemon=None):
    """Takes one of the market as the daemon's file names it; returns the Snapshot."""
    path = market.directory / name
    done = run("snapshot", "-c", (daemon or market.daemons[0]).file, path)
    assert done.returncode == 0, f"{done.returncode}\n{done.stdout}{done.stderr}"
    return Snapshot(path)


def varints(data):
    """The numbers and sized texts of a seen element, one after the other: next(v) or v.send(size)."""
    at = 0

    def number():
        nonlocal at
        value = shift = 0
        while True:
            byte = data[at]
            at += 1
            value |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                return value

    def text():
        nonlocal at
        size = number() - 1
        at += size
        return data[at - size:at]
    return number, text, lambda: at < len(data)


def element(data):
    """(from, to, [(source, id, offset)]) of a seen list's element."""
    number, text, more = varints(data)
    assert number() == 1
    begin, end, records = number(), number(), []
    while more():
        source, id = text(), text()
        records.append((source.decode(), id.decode(), number()))
        number(), number(), number()
    return begin, end, records


class Held:
    """One market in a snapshot: hashes {key: {field: value}}, sets, zsets, strings, lists; entries of the outbox as they stand there."""

    def __init__(self, number):
        self.number = number
        self.hashes = collections.defaultdict(dict)
        self.sets, self.zsets = collections.defaultdict(set), collections.defaultdict(dict)
        self.strings, self.lists, self.entries = {}, collections.defaultdict(list), []

    def add(self, line):
        def get(name):
            return line[name].encode() if name in line else base64.b64decode(line[name + "64"])
        kind = next(iter(line)).removesuffix("64")
        if kind == "entry":
            self.entries.append({**line, "records": get("records")})
        elif kind == "hash":
            assert get("field") not in self.hashes[get(kind)]
            self.hashes[get(kind)][get("field")] = get("value")
        elif kind == "set":
            assert get("member") not in self.sets[get(kind)]
            self.sets[get(kind)].add(get("member"))
        elif kind == "zset":
            assert get("member") not in self.zsets[get(kind)]
            self.zsets[get(kind)][get("member")] = float(get("score"))
        elif kind == "list":
            self.lists[get(kind)].append(get("value"))
        else:
            self.strings[get(kind)] = get("value")

    def marks(self):
        """{(topic, partition): {field: text}}"""
        found = {}
        for key, fields in self.hashes.items():
            if key.startswith(b"orderd:mark:"):
                topic, _, number = key.decode().removeprefix("orderd:mark:").rpartition(":")
                found[topic, int(number)] = {k.decode(): v.decode() for k, v in fields.items()}
        return found

    def market(self):
        """What of it is the market and not orderd's own: {key: {field or member: value}, set or text}."""
        every = {**self.hashes, **self.sets, **self.zsets, **self.strings}
        return {key.decode(): value for key, value in every.items() if not key.startswith(b"orderd:")}


class Snapshot:
    def __init__(self, path):
        self.path = path
        self.lines = [json.loads(line) for line in path.read_text().splitlines()]
        self.header, self.end = self.lines[0], self.lines[-1]
        self.markets = []
        for line in self.lines[1:-1]:
            if "market" in line:
                self.markets.append(Held(line["market"]))
            elif "outcome_partition" not in line:
                self.markets[-1].add(line)

    @property
    def only(self):
        assert len(self.markets) == 1
        return self.markets[0]


def fold(outcomes, marks):
    """The market that the outcomes tell, up to the marks: what Redis holds, key for key, if nobody else wrote and it began empty."""
    keys = collections.defaultdict(dict)

    def members(key):
        if not isinstance(keys[key], set):
            keys[key] = set()
        return keys[key]

    def funds(user, after):
        keys[f"users:{user}"][b"funds"] = str(after).encode()

    def item(user, name, comes):
        (members(f"inventory:{user}").add if comes else members(f"inventory:{user}").discard)(name.encode())

    for o in sorted(outcomes, key=lambda o: o.sequence):
        if o.status != "applied" or o.offset >= int(marks[o.topic, o.partition]["next"]):
            continue
        kind, e, facts = o.value["type"], o.value["event"], o.facts
        if kind == "deposit":
            funds(e["user"], facts["funds"][1])
        elif kind == "grant":
            item(e["user"], e["item"], True)
        elif kind in ("reserve", "restock"):
            keys[f"stock:{e['sku']}"] = str(facts["stock"][1]).encode()
        else:
            listing = f"{e['item']}.{e['seller']}".encode()
            if kind == "list":
                item(e["seller"], e["item"], False)
                keys["market:"][listing] = float(facts["price"])
            else:
                del keys["market:"][listing]
                item(e["buyer" if kind == "purchase" else "seller"], e["item"], True)
            if kind == "purchase":
                funds(e["buyer"], facts["buyer_funds"][1])
                funds(e["seller"], facts["seller_funds"][1])
    return {key: value for key, value in keys.items() if value}


def difference(found, expected):
    """The first keys that differ, few enough to read."""
    return {key: (found.get(key), expected.get(key)) for key in sorted(set(found) | set(expected)) if found.get(key) != expected.get(key)} and \
        dict([(key, (found.get(key), expected.get(key))) for key in sorted(set(found) | set(expected)) if found.get(key) != expected.get(key)][:5])


def in_redis(market, shard=None):
    """{key without prefix: value} of everything under the prefix, as bytes; a stream as its entries."""
    redis, prefix, found = market.server.client(db=market.database, decode_responses=False), market.key("", shard).encode(), {}
    read = {b"hash": redis.hgetall, b"set": redis.smembers, b"zset": lambda k: dict(redis.zrange(k, 0, -1, withscores=True)), b"string": redis.get,
            b"list": lambda k: redis.lrange(k, 0, -1), b"stream": lambda k: redis.xrange(k)}
    for key in redis.scan_iter(match=prefix + b"*", count=1000):
        found[key[len(prefix):]] = read[redis.type(key)](key)
    return found
