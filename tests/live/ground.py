"""The ground of the judgement: servers, a market, daemons that are killed and come again, and commands that are watched while they run."""
import collections
import random
import shutil
import signal
import subprocess
import threading
import time
from pathlib import Path

from audit import Audit
from broker import Broker
from daemon import BINARY
from faults import SHORT_SESSION
from load import Feeder
from market import Market
from process import start, until
from redisserver import RedisServer
from trade import Trade

PARTITIONS, INSTANCES = 4, 3


class Flow(Feeder):
    """Sends a Trade's records from a thread of its own and only counts them; with a rate, so many a second."""

    CHUNK = 2000

    def __init__(self, market, trade, count, rate=None):
        super().__init__(market, pause=0, records=[])
        self.trade, self.count, self.rate, self.sent = trade, count, rate, 0

    def batches(self):
        begun = time.monotonic()
        chunk = self.CHUNK if not self.rate else max(self.rate // 20, 1)
        while self.sent < self.count:
            if self.rate:
                self._end.wait(max(begun + self.sent / self.rate - time.monotonic(), 0))
            yield self.trade.records(min(chunk, self.count - self.sent))

    def send(self, batch):
        self.market.broker.send_all(self.market.source, batch)
        self.sent += len(batch)

    @property
    def over(self):
        return not self._thread.is_alive()


class Ground:
    """Servers, a market and its daemons. Used as a context manager. broker: one that is there already, and stays."""

    def __init__(self, room, seed=1, broker=None, settings=None, dead_letter_partitions=1, **redis_options):
        self.room, self.dice, self.seed = Path(room), random.Random(seed), seed
        self.broker, self.own_broker = broker, None
        self.redis_options, self.settings, self.dead_letter_partitions = redis_options, settings or {}, dead_letter_partitions
        self.done, self.seconds = collections.Counter(), 0

    def __enter__(self):
        if self.broker is None:
            self.broker = self.own_broker = Broker(self.room / "kafka").start()
        self.server = RedisServer(self.room / "redis", **self.redis_options).start()
        self.market = Market(self.broker, self.server, self.room, partitions=PARTITIONS, dead_letter_partitions=self.dead_letter_partitions,
                             settings={**SHORT_SESSION, **self.settings})
        self.market.start_state()
        self.daemons = [self.market.make() for _ in range(INSTANCES)]
        self.trade = Trade(self.seed, PARTITIONS)
        return self

    def __exit__(self, *_):
        self.market.close()
        self.server.kill()
        if self.own_broker:
            self.own_broker.kill()

    # the load

    def decided(self):
        return sum(int(self.market.mark(partition).get("next", 0)) for partition in range(PARTITIONS))

    def play(self, events, kills, rate=None):
        """Sends so many events; each time a like share of them is decided, something happens to one of the daemons. Ends at rest."""
        begun, base = time.monotonic(), self.decided()
        self.all_up()
        with Flow(self.market, self.trade, events, rate) as flow:
            for number in range(kills):
                goal = base + events * (number + 1) // (kills + 1)
                until(lambda: self.decided() >= goal, 300, lambda: f"nothing is decided beyond {self.decided()}")
                self.disturb()
            until(lambda: flow.over, 3600, "the load does not end")
        self.rest()
        self.seconds = time.monotonic() - begun

    def all_up(self):
        for daemon in self.daemons:
            if not daemon.alive:
                daemon.start(wait=False)

    def disturb(self):
        daemon = self.dice.choice(self.daemons)
        what = self.dice.choice(["killed", "killed", "left", "froze", "lost its connection"])
        if what == "killed":
            daemon.kill()
            daemon.start(wait=False)
        elif what == "left":
            assert daemon.stop() in (0, -signal.SIGTERM), daemon.tail()      # the latter where it had only just been started
            daemon.start(wait=False)
        elif what == "froze":
            daemon.freeze()
            time.sleep(2)
            daemon.thaw()
        else:
            self.market.redis.client_kill_filter(_type="normal", skipme=True)
        self.done[what] += 1

    def rest(self, timeout=300):
        self.all_up()
        audit = Audit(self.market)
        until(lambda: not audit.unsettled(), timeout, audit.unsettled)
        for daemon in self.daemons:
            assert daemon.alive, f"{daemon.name} ended with {daemon.exit_code}:\n{daemon.tail()}"

    def ahead(self, events, timeout=300):
        """Waits until so many more are decided."""
        goal = self.decided() + events
        until(lambda: self.decided() >= goal, timeout, lambda: f"nothing is decided beyond {self.decided()}")

    def lose_redis(self):
        """It is killed, and all that it kept is gone; an empty one takes its place."""
        self.server.kill()
        shutil.rmtree(self.server.directory)
        self.server.directory.mkdir()
        self.server.start()

    def down(self):
        for daemon in self.daemons:
            if daemon.alive:
                assert daemon.stop(60) == 0, daemon.tail()

    # commands

    def run(self, *words, binary=BINARY, timeout=3600, file=None):
        """Runs `orderd WORDS` with the market's file (or another one) to its end: a Ran."""
        command, *rest = words
        return Ran([str(binary), command, "-c", str(file or self.daemons[0].file), *map(str, rest)], timeout)


class Ran:
    """A command that has ended: code, out, err, seconds, and its memory while it ran as [(share of its time, kB)]."""

    def __init__(self, arguments, timeout):
        self.arguments, samples = arguments, []
        begun = time.monotonic()
        process = start(arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        end = threading.Event()
        watch = threading.Thread(target=self._watch, args=(process.pid, samples, end), daemon=True)
        watch.start()
        try:
            self.out, self.err = process.communicate(timeout=timeout)
        finally:
            process.kill()
            end.set()
            watch.join()
        self.code, self.seconds = process.returncode, time.monotonic() - begun
        self.samples = samples

    @staticmethod
    def _watch(pid, samples, end):
        while not end.wait(0.1):
            try:
                status = Path(f"/proc/{pid}/status").read_text()
            except OSError:
                return
            samples += [int(line.split()[1]) for line in status.splitlines() if line.startswith("VmRSS:")]

    def must(self, code=0):
        assert self.code == code, f"{' '.join(self.arguments)} ended with {self.code}:\n{self.out[-3000:]}\n{self.err[-3000:]}"
        return self

    def quarter(self, number):
        size = len(self.samples) // 4
        return sorted(self.samples[size * number:size * (number + 1)])[size // 2] if size else 0

    def memory(self):
        return f"memory {self.quarter(1) // 1024} MB in the second quarter, {self.quarter(3) // 1024} MB in the last"

    def flat(self, share=0.1, besides_kb=16384):
        """Memory does not grow with the events. What was over within ten seconds has not yet found its size."""
        assert len(self.samples) < 100 or self.quarter(3) <= self.quarter(1) * (1 + share) + besides_kb, self.memory()
        return self
