#!/usr/bin/python3
"""Deaths at named steps: daemons with the preloaded shim (arrows.c) die, are started again and die elsewhere, in histories that go on.

    arrows.py [--kills N] [--seed S]     every step on both sides, again and again until there were N kills; then the table and the audits
"""
import argparse
import collections
import ctypes
import random
import signal
import sys
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(path) for path in (HERE, HERE.parent) if str(path) not in sys.path]

from audit import Audit                                                                     # noqa: E402
from daemon import BINARY                                                                   # noqa: E402
from load import Feeder                                                                     # noqa: E402
from market import Market                                                                   # noqa: E402
from process import until                                                                   # noqa: E402

LIBRARY = BINARY.parent.parent / "tests" / "live" / "chaos" / "liborderd_arrows.so"
SIDES = ("before", "after")
# What ends only when the daemon is told to end, what only an old or a new kind of rebalance brings, and what needs a market of its own.
AT_THE_END = {"commit-last", "leave", "purge"}
COOPERATIVE, EAGER = {"assign-more", "assign-less"}, {"assign", "unassign"}
APART = {"first.send", "first.receive", "torn.send", "torn.receive", "halt.send", "halt.receive"}
# A step is passed so often in a life that any of its first so many passings will do; the others come a few times in each take-over.
OFTEN = {"load.send": 12, "load.receive": 12, "exec.send": 12, "exec.receive": 12, "gate.send": 12, "gate.receive": 12, "flush.send": 3, "flush.receive": 3,
         "serve": 60, "fetch": 40, "publish": 120, "report": 120, "produce": 8, "letter": 2, "evidence": 6, "hello.send": 4, "hello.receive": 4}
# How long a life may go on from its first take-over, how long without any, and how many lives a step is given.
PATIENCE_S, PATIENCE_UNTAKEN_S, TRIES = 5, 20, 12


def steps():
    """The names that the shim itself has."""
    names = (ctypes.c_char_p * 200).in_dll(ctypes.CDLL(str(LIBRARY)), "arrow_steps")
    found = []
    for name in names:
        if name is None:
            return found
        found.append(name.decode())


class Arrow(collections.namedtuple("Arrow", "step side signal", defaults=[signal.SIGKILL])):
    """A death (or, with SIGSTOP, a freeze) that is due."""

    def environment(self, dice=None, missed=0):
        """The passing is drawn; after lives that did not come so far, from fewer."""
        nth = dice.randint(1, max(1, OFTEN.get(self.step, 1) >> missed)) if dice else 1
        how = ":stop" if self.signal == signal.SIGSTOP else ""
        return {"LD_PRELOAD": str(LIBRARY), "ORDERD_ARROW": f"{self.step}:{self.side}:{nth}{how}"}


class Table:
    """How often each step was hit on each side."""

    def __init__(self):
        self.hits, self.missed = collections.Counter(), collections.Counter()

    def zeros(self, arrows):
        return [f"{a.step}:{a.side}" for a in arrows if not self.hits[a]]

    def text(self, number=signal.SIGKILL):
        rows = sorted({a.step for a in self.hits if a.signal == number})
        lines = [f"{'step':<16}{'before':>8}{'after':>8}"]
        lines += [f"{step:<16}" + "".join(f"{self.hits[Arrow(step, side, number)]:>8}" for side in SIDES) for step in rows]
        return "\n".join(lines + [f"{sum(n for a, n in self.hits.items() if a.signal == number)} in all"])


class Slot:
    """One instance of a history: it lives with one arrow after the other of the history's queue, and without any when that is empty."""

    def __init__(self, history, **settings):
        self.history, self.daemon = history, history.market.make(**settings)
        self.arrow, self._since, self._taken, self._told, self._epochs = None, 0, None, False, None

    def next(self):
        queue = self.history.queue
        self.arrow = queue.popleft() if queue else None
        self._since, self._taken, self._told, self._epochs = time.monotonic(), None, False, None
        self.daemon.start(wait=False, environment=self.arrow and self.arrow.environment(self.history.dice, self.history.table.missed[self.arrow]))

    def look(self):
        """One look at the instance, which never waits."""
        if self.daemon.process is None:
            self.next()
        elif not self.daemon.alive:
            self._ended()
        elif self.arrow and self._frozen():
            self._thaw_in_time()
        elif self.arrow and not self._told and self._due():
            self._told = True
            self.daemon.signal(signal.SIGTERM)
        elif not self.arrow and self.history.queue:
            self.daemon.signal(signal.SIGTERM)
            self._told = True

    def _age(self):
        return time.monotonic() - self._since

    def _due(self):
        """Most steps come by soon after a take-over; how soon that is depends on the machine and the group."""
        if self._taken is None and "took over" in self.daemon.log():
            self._taken = time.monotonic()
        if self._taken is None:
            return self._age() > PATIENCE_UNTAKEN_S
        return time.monotonic() - self._taken > (1 if self.arrow.step in AT_THE_END else PATIENCE_S)

    def _ended(self):
        code, table = self.daemon.exit_code, self.history.table
        if code == -signal.SIGKILL and self.arrow and self.arrow.signal == signal.SIGKILL:
            table.hits[self.arrow] += 1
        else:
            assert self._told and (code == 0 or self._library_defect()), f"{self.daemon.name} ended with {code} at {self.arrow}:\n{self.daemon.tail()}"
            if self.arrow and self.arrow.signal == signal.SIGKILL or self._epochs is None and self.arrow:
                self._missed()
        self.next()

    def _library_defect(self):
        """librdkafka before 2.4 may fail an assertion of its own when a cooperative member leaves; the daemon warns of it at start."""
        return "rdkafka_sticky_assignor.c" in self.daemon.tail(5)

    def _missed(self):
        """It was not passed in this life: another one will bring it."""
        self.history.table.missed[self.arrow] += 1
        if self.history.table.missed[self.arrow] < TRIES:
            self.history.queue.append(self.arrow)

    def _frozen(self):
        return self.arrow.signal == signal.SIGSTOP and self.daemon._state() == "T"

    def _thaw_in_time(self):
        """Continued once every partition has another owner, or nobody is there to take them."""
        if self._epochs is None:
            self._epochs, self._since = self.history.owners(), time.monotonic()
            self.history.table.hits[self.arrow] += 1
        elif self._age() > PATIENCE_S or not set(self._epochs) & set(self.history.owners()):
            self.daemon.thaw()
            self._since = time.monotonic() - PATIENCE_S + 2


class History:
    """A market under load whose instances die at the steps in its queue."""

    def __init__(self, cluster, redis_server, directory, arrows, table, seed, instances=2, partitions=4, settings=None, per_instance=None,
                 events=10000):
        directory.mkdir()
        self.market = Market(cluster, redis_server, directory, partitions=partitions, settings={**(settings or {}), "redis.durability": "replicas:1"})
        self.market.start_state()
        self.dice, self.table, self.queue = random.Random(seed), table, collections.deque(arrows)
        self.dice.shuffle(self.queue)
        self.slots = [Slot(self, **(per_instance(n) if per_instance else {})) for n in range(instances)]
        self._ask_at = 0
        self.feeder = Feeder(self.market, partitions, count=events, seed=seed, chunk=12, pause=0.18)

    def owners(self):
        return [self.market.mark(p).get("epoch") for p in range(self.market.partitions)]

    def __enter__(self):
        self.feeder.__enter__()
        return self

    def look(self):
        for slot in self.slots:
            slot.look()

    @property
    def done(self):
        return not self.queue and all(slot.arrow is None for slot in self.slots)

    def settled(self):
        """Asked a few times a second: the answer costs Kafka and Redis something."""
        self.look()
        now = time.monotonic()
        if now < self._ask_at:
            return False
        self._ask_at = now + 0.3
        return not Audit(self.market).unsettled()

    def __exit__(self, kind, *_):
        self.feeder.__exit__(kind, None, None)
        if kind:
            self.market.close()

    def audit(self):
        """The quiet phase, in which everything comes to rest, and the audit."""
        try:
            until(self.settled, 180, lambda: Audit(self.market).unsettled() + "\n" + "\n".join(s.daemon.tail(20) for s in self.slots))
            return self.market.audit()
        finally:
            self.market.close()


SHORT = ["session.timeout.ms=1500", "heartbeat.interval.ms=200", "fetch.wait.max.ms=20"]


def kinds():
    """name: (arrows that only it brings, options of History): two instances, one that comes back under its own name, cooperation."""
    short = {"kafka.consumer": SHORT, "drain.revoke_ms": 1000}
    return {
        "eager": (EAGER, {"settings": short}),
        "static": (set(), {"instances": 1, "partitions": 2, "settings": {"drain.revoke_ms": 1000},
                           "per_instance": lambda n: {"kafka__consumer": ["group.instance.id=only", "session.timeout.ms=3000", *SHORT[1:]]}}),
        "cooperative": (COOPERATIVE, {"settings": {**short, "kafka.consumer": [*SHORT, "partition.assignment.strategy=cooperative-sticky"]}})}


def run_histories(cluster, redis_server, directory, arrows, seed, names, timeout=360):
    """Plays all arrows in histories of these kinds side by side and audits each. Returns the Table."""
    table, dice, histories = Table(), random.Random(seed), []
    queues = [[] for _ in names]
    for arrow in arrows:
        fit = [n for n, name in enumerate(names) if may_bring(name, arrow)]
        queues[min(fit, key=lambda n: (len(queues[n]) / (1 if names[n] == "static" else 1.5), dice.random()))].append(arrow)
    try:
        for n, name in enumerate(names):
            history = History(cluster, redis_server, directory / f"{name}{n}", queues[n], table, seed + n, events=80 * timeout, **kinds()[name][1])
            histories.append(history.__enter__())
        until(lambda: all([history.look() or history.done for history in histories]), timeout,
              lambda: f"arrows are left: {[(h.queue, [s.arrow for s in h.slots]) for h in histories]}")
        for history in histories:
            history.__exit__(None)
        for history in histories:
            history.audit()
        return table
    finally:
        for history in histories:
            history.feeder.__exit__(True)
            history.market.close()


def may_bring(name, arrow):
    if arrow.step in COOPERATIVE | EAGER:
        return arrow.step in kinds()[name][0]
    return not (name == "static" and (arrow.step == "revoked" or arrow.signal == signal.SIGSTOP))


def every_arrow(number=signal.SIGKILL):
    return [Arrow(step, side, number) for step in steps() if step not in APART for side in SIDES]


def main():
    from stage import Stage
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    arrows = every_arrow()
    rounds = -(-given.kills // len(arrows))
    with Stage() as stage:
        begun = time.monotonic()
        table = run_histories(stage.cluster, stage.pair.master, stage.directory, arrows * rounds, given.seed, 3 * list(kinds()), timeout=3600)
        print(table.text())
        print(f"{time.monotonic() - begun:.0f} s, {sum(table.missed.values())} lives that did not come to their step")
    zeros = table.zeros(arrows)
    print(f"{len(arrows) - len(zeros)} passed, {len(zeros)} failed")
    return 1 if zeros else 0


if __name__ == "__main__":
    sys.exit(main())
