#!/usr/bin/python3
"""Soak: a market under steady load for as long as wanted, with instances that come and go; what an instance holds must not grow.

    soak.py --minutes 60                   memory, descriptors, threads, outbox and keys of Redis stay flat
    soak.py --minutes 20 --under asan      the same under AddressSanitizer and UndefinedBehaviorSanitizer (build-asan), whose memory is not judged,
    soak.py --minutes 20 --under valgrind  under valgrind,
    soak.py --minutes 20 --under tsan      under ThreadSanitizer (cmake -S . -B build-tsan -G Ninja -DORDERD_SANITIZE=thread; ninja -C build-tsan
                                           orderd orderd_threads), for what librdkafka's threads call

One instance, the resident, lives from the begin to the end and is measured; the others join, leave by SIGTERM and are killed. Users, items and
skus are few and go round, so that the market does not grow by itself. Every event is audited at the end.
"""
import argparse
import collections
import os
import random
import statistics
import sys
import tempfile
import time
import zlib
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

import daemon as orderd                                                                     # noqa: E402
from broker import Broker, Record                                                           # noqa: E402
from load import Feeder                                                                     # noqa: E402
from market import Market, deposit, encode, grant, list_, purchase, reserve, restock, unlist  # noqa: E402
from process import until                                                                   # noqa: E402
from redisserver import RedisServer                                                         # noqa: E402

PARTITIONS = 4
SHUTDOWN_S = 5           # what a SIGTERM may take
WINDOW_S = 30            # dedupe.window_s: what is known of an event is let go after that
ROOT = Path(__file__).resolve().parents[2]
GUARDS = {
    "asan": f"exec {ROOT}/build-asan/daemon/orderd",
    "tsan": f"""LD_PRELOAD={ROOT}/build-tsan/tests/liborderd_threads.so TSAN_OPTIONS=suppressions=$0.suppressions exec {ROOT}/build-tsan/daemon/orderd""",
    "valgrind": f"exec valgrind --quiet --error-exitcode=99 --leak-check=full --errors-for-leak-kinds=definite {ROOT}/build/daemon/orderd"}
# librdkafka counts who still uses a topic or a fetched buffer by atomics, which ThreadSanitizer does not see in a library that was built
# without it: the last one frees it. That nobody uses it afterwards is AddressSanitizer's business.
SUPPRESSIONS = "race_top:pthread_rwlock_destroy\nrace_top:free\n"
# By which a figure may be higher in the last quarter than in the second one: a share, and so much besides.
ALLOWED = {"memory_kb": (0.03, 1024), "descriptors": (0, 2), "threads": (0, 0), "outbox": (0.5, 200), "keys": (0.05, 20), "redis_kb": (0.1, 512)}


class Circulation:
    """An endless stream of events in a market that keeps its size."""

    def __init__(self, seed, users=100, items=300, skus=20):
        self.dice = random.Random(seed)
        self.users, self.skus = [f"u{i}" for i in range(users)], [f"sku{i}" for i in range(skus)]
        self.held = {f"item{i}": self.dice.choice(self.users) for i in range(items)}
        self.listed, self.last = {}, None

    def first(self):
        """What fills the market, before the rest."""
        return [deposit(user, 1000000) for user in self.users] + [restock(sku, 1000000) for sku in self.skus] + \
               [grant(user, item) for item, user in self.held.items()]

    def next(self):
        pick = self.dice.random()
        if pick < 0.02 and self.last:
            return self.last
        if pick < 0.03:
            return b"{"
        self.last = self.one(pick)
        return self.last

    def one(self, pick):
        if pick < 0.15:
            return deposit(self.dice.choice(self.users), self.dice.randint(1, 50))
        if pick < 0.35:
            sku = self.dice.choice(self.skus)
            return restock(sku, 5) if pick < 0.2 else reserve(sku, self.dice.randint(1, 3), self.dice.choice(self.users))
        if self.held and (pick < 0.65 or not self.listed):
            item = self.dice.choice(list(self.held))
            self.listed[item] = (self.held.pop(item), self.dice.randint(1, 99))
            return list_(self.listed[item][0], item, self.listed[item][1])
        item = self.dice.choice(list(self.listed))
        seller, price = self.listed.pop(item)
        self.held[item] = seller if pick > 0.9 else self.dice.choice(self.users)
        return unlist(seller, item) if pick > 0.9 else purchase(self.held[item], seller, item, price)


class Load(Feeder):
    """with Load(market, rate, seed): so many events a second, in a thread of its own."""

    STEP_S = 0.1

    def __init__(self, market, rate, seed):
        super().__init__(market, pause=self.STEP_S, records=[])
        self.step, self.stream, self.sent = max(int(rate * self.STEP_S), 1), Circulation(seed), 0

    @staticmethod
    def partition(event):
        """What is about one thing stays in its order."""
        about = next((event[name] for name in ("item", "sku", "user") if name in event), "") if isinstance(event, dict) else ""
        return zlib.crc32(about.encode()) % PARTITIONS

    def batches(self):
        yield self.stream.first()
        while True:
            yield [self.stream.next() for _ in range(self.step)]

    def send(self, batch):
        """What was sent is only counted: in an hour it is too much to be remembered."""
        records = [Record(self.partition(event), None, None, encode(event), None, 0) for event in batch]
        self.market.broker.send_all(self.market.source, records)
        self.sent += len(records)


def held_by(process):
    """What a process has: {"memory_kb", "descriptors", "threads"}."""
    status = dict(line.split(":", 1) for line in Path(f"/proc/{process.pid}/status").read_text().splitlines())
    return {"memory_kb": int(status["VmRSS"].split()[0]), "threads": int(status["Threads"]), "descriptors": len(os.listdir(f"/proc/{process.pid}/fd"))}


class Soak:
    """One run. `guarded`: something looks on whose own memory and pace are not judged."""

    def __init__(self, broker, server, room, seconds, rate, churn, seed=1, guarded=False, say=print):
        self.seconds, self.churn, self.guarded, self.say = seconds, churn, guarded, say
        self.server, self.dice = server, random.Random(seed)
        self.market = Market(broker, server, room, partitions=PARTITIONS, settings={"dedupe.window_s": WINDOW_S, "kafka.consumer": [
            "session.timeout.ms=3000", "heartbeat.interval.ms=300", "fetch.wait.max.ms=20"], "drain.revoke_ms": 2000})
        self.market.start_state()
        self.resident, *self.others = [self.market.make() for _ in range(3)]
        self.load = Load(self.market, rate, seed)
        self.samples, self.done, self.shutdowns = [], collections.Counter(), []

    # what comes and goes

    def turn(self):
        """One of the others joins, leaves or is killed, or every connection to Redis is cut."""
        daemon = self.dice.choice(self.others)
        if self.dice.random() < 0.2:
            self.market.redis.client_kill_filter(_type="normal", skipme=True)
            self.done["connections cut"] += 1
        elif not daemon.alive:
            daemon.start(wait=False)
            self.done["joined"] += 1
        elif self.dice.random() < 0.3:
            daemon.kill()
            self.done["killed"] += 1
        else:
            self.leave(daemon)

    def leave(self, daemon):
        begun = time.monotonic()
        code = daemon.stop(60)
        took = time.monotonic() - begun
        self.shutdowns.append(took)
        assert code == 0, f"{daemon.name} ended with {code}:\n{daemon.tail()}"
        assert self.guarded or took < SHUTDOWN_S, f"{daemon.name} took {took:.1f} s to stop:\n{daemon.tail()}"
        self.done["left"] += 1

    # what is measured

    def sample(self):
        assert self.resident.alive, f"{self.resident.name} ended with {self.resident.exit_code}:\n{self.resident.tail()}"
        redis = self.market.redis
        self.samples.append({**held_by(self.resident.process), "outbox": redis.xlen(self.market.key("orderd:outbox")), "keys": redis.dbsize(),
                             "redis_kb": redis.info("memory")["used_memory"] // 1024})

    def quarter(self, number, name):
        size = len(self.samples) // 4
        return statistics.median(sample[name] for sample in self.samples[size * number:size * (number + 1)])

    def judge(self):
        """{name: (in the second quarter, in the last)}; what grew too much is an error."""
        figures = {name: (self.quarter(1, name), self.quarter(3, name)) for name in ALLOWED}
        for name, (early, late) in figures.items():
            share, besides = ALLOWED[name]
            if not (self.guarded and name == "memory_kb"):
                assert late <= early * (1 + share) + besides, f"{name} grew from {early} to {late}: {figures}"
        return figures

    # the run

    def run(self):
        self.resident.start()
        begun, turned = time.monotonic(), time.monotonic()
        with self.load:
            while time.monotonic() - begun < self.seconds:
                until(lambda: time.monotonic() >= begun + self.seconds * (len(self.samples) + 1) / 400, self.seconds, "")
                self.sample()
                if time.monotonic() - turned > self.churn:
                    turned = time.monotonic()
                    self.turn()
        figures = self.judge()
        for daemon in self.others:
            if daemon.alive:
                self.leave(daemon)
        self.tell(figures)
        audit = self.market.audit(timeout=300)
        self.leave(self.resident)
        return audit

    def tell(self, figures):
        self.say(f"{self.load.sent} events in {self.seconds:.0f} s, " + ", ".join(f"{n} {what}" for what, n in self.done.most_common()))
        for name, (early, late) in figures.items():
            self.say(f"    {name:<12} {early:>10.0f} in the second quarter {late:>10.0f} in the last")
        if self.shutdowns:
            self.say(f"    shutdown     {statistics.median(self.shutdowns):>10.2f} s in the median {max(self.shutdowns):>16.2f} s at most")

    def close(self):
        self.market.close()


def guarded(directory, guard):
    """A binary that runs the daemon under a guard, which ends with another code than 0 when it found something."""
    script = directory / f"orderd-under-{guard}"
    script.write_text(f'#!/bin/sh\n{GUARDS[guard]} "$@"\n')
    script.chmod(0o755)
    script.with_name(script.name + ".suppressions").write_text(SUPPRESSIONS)
    return script


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--rate", type=int, default=200, help="events a second")
    parser.add_argument("--churn", type=float, default=10, help="seconds from one coming or going to the next")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--under", choices=sorted(GUARDS), help="what looks on; it must have been built")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="orderd-soak-") as directory:
        room = Path(directory)
        if given.under:
            orderd.BINARY = guarded(room, given.under)
        broker, server = Broker(room / "kafka"), RedisServer(room / "redis")
        try:
            soak = Soak(broker.start(), server.start(), room, 60 * given.minutes, given.rate, given.churn, given.seed, given.under is not None)
            try:
                print(", ".join(f"{n} {name}" for name, n in soak.run().counts.most_common()))
            finally:
                soak.close()
        finally:
            server.kill()
            broker.kill()
    print("1 passed, 0 failed")


if __name__ == "__main__":
    main()
