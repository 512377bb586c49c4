"""`orderd replay` beside a market, and what of the live market it must leave alone."""
import json
import subprocess
import uuid

import process
from audit import snapshot
from daemon import BINARY


class Replay:
    """A finished run: code, the report (with --json), what it said."""

    def __init__(self, done):
        self.code, self.out, self.err = done.returncode, done.stdout, done.stderr
        self.report = json.loads(self.out) if self.out.startswith("{") else None


class Target:
    """The namespace of a replay, with the same questions as a market: snapshot() of audit.py takes it."""

    def __init__(self, market, prefix=None):
        self.prefix = f"r{uuid.uuid4().hex[:8]}:" if prefix is None else prefix
        self.redis, self.database, self.server, self.sharded = market.redis, market.database, market.server, market.sharded
        self.partitions, self.sources, self.source = market.partitions, market.sources, market.source

    def key(self, name, partition=None):
        return self.prefix + (f"{{{partition}}}" if self.sharded else "") + name

    def keys(self):
        return sorted(self.redis.scan_iter(self.prefix + "*", count=1000))


def command(market, target, *options):
    return [BINARY, "replay", "-c", market.daemons[0].file, "--into-prefix", target.prefix, *map(str, options)]


def replay(market, target, *options, timeout=120):
    return Replay(subprocess.run(command(market, target, *options), capture_output=True, text=True, timeout=timeout))


def start(market, target, *options):
    """A run that goes on beside the test."""
    return process.start(command(market, target, *options), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def state(namespace):
    """The market's values, without the ledger."""
    return {number: found.plain() for number, found in snapshot(namespace).items()}


def live(market):
    """Everything of the live market that a replay must not touch: its keys, its offsets, its topics' ends."""
    keys = {key: market.redis.dump(key) for key in sorted(market.redis.scan_iter(market.prefix + "*", count=1000))}
    return {
        "keys": keys,
        "committed": {topic: market.broker.committed(market.group, topic) for topic in market.sources},
        "ends": {topic: market.broker.ends(topic) for topic in [*market.sources, market.outcome_topic, market.dead_letter_topic]},
    }


def comparable(value):
    """An outcome's value without when, and after how many attempts, it was decided."""
    return {name: member for name, member in json.loads(value).items() if name not in ("decided_at", "attempts")}
