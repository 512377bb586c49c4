#!/usr/bin/python3
"""Chaos at random: several daemons under load, faults drawn by a seed as long as wanted, then quiet and the audit.

    storm.py --minutes N --seed S

Prints a timeline of what was done and, at its end, how often. Redis is a master with a replica behind a switch, with replicas:1: so
nothing that was published may be lost, whatever is drawn. Where root is lacking, the faults of the kernel are left out and said.
"""
import argparse
import collections
import os
import random
import signal
import sys
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(path) for path in (HERE, HERE.parent) if str(path) not in sys.path]

from arrows import APART, AT_THE_END, COOPERATIVE, SIDES, Arrow, steps                      # noqa: E402
from faults import NoReplies                                                                # noqa: E402
from isolate import Isolated                                                                # noqa: E402
from network import Network                                                                 # noqa: E402
from play import Play                                                                       # noqa: E402
from process import until                                                                   # noqa: E402
from replica import Pair                                                                    # noqa: E402
from stage import Stage                                                                     # noqa: E402
from switch import Switch                                                                   # noqa: E402

FAULTS = {}      # name: (function, weight)


def fault(weight=1, root=False):
    """A fault takes the Storm and undoes itself before it returns; what it returns is told in the timeline."""
    def add(function):
        if not root or os.geteuid() == 0:
            FAULTS[function.__name__] = (function, weight)
        return function
    return add


@fault(4)
def kill(storm):
    daemon = storm.one()
    daemon.kill()
    return daemon.name


@fault(6)
def arrow(storm):
    """Dies by itself at a step, in its next life."""
    daemon, due = storm.one(), Arrow(storm.dice.choice(storm.steps), storm.dice.choice(SIDES))
    daemon.kill()
    daemon.start(wait=False, environment=due.environment(storm.dice))
    until(lambda: not daemon.alive or storm.waited(6), 10, "")
    storm.died[due] += not daemon.alive
    daemon.kill()
    return f"{daemon.name} {due.step}:{due.side}"


@fault(2)
def stop(storm):
    daemon = storm.one()
    daemon.signal(signal.SIGTERM)
    return f"{daemon.name} {daemon.wait_exit(30)}"


@fault(3)
def freeze(storm):
    daemon = storm.one()
    return f"{daemon.name} {storm.frozen(daemon):.1f} s"


@fault(2)
def freeze_redis(storm):
    server = storm.dice.choice([storm.pair.master, storm.pair.replica])
    return f"{'master' if server is storm.pair.master else 'replica'} {storm.frozen(server):.1f} s"


@fault(3)
def strike(storm):
    how = storm.dice.choice(["lost", "mute", "cut", "late"])
    what = storm.dice.choice([b"EXEC", b"WATCH", b"HMGET", b"XADD", b"WAIT", b"XRANGE", b"LRANGE", b"epoch"])
    storm.switch.strike(how, what)
    storm.lasts(1, 3)
    storm.switch.heal()
    return f"{how} {what.decode()}"


@fault(2)
def reset(storm):
    direction = storm.dice.choice(["command", "reply"])
    storm.switch.reset(direction)
    storm.lasts(0.5, 1)
    storm.switch.heal()
    return direction


@fault(1)
def kill_connections(storm):
    storm.admin().client_kill_filter(_type="normal", skipme=True)


@fault(1)
def memory_full(storm):
    storm.admin().config_set("maxmemory", 1000000)
    storm.lasts(1, 3)
    storm.admin().config_set("maxmemory", 0)


@fault(1)
def failover(storm):
    """The replica takes over from a master that is dead, frozen or well; the old one becomes its replica."""
    how = storm.dice.choice(["dead", "frozen", "well"])
    old = storm.pair.master
    if how == "dead":
        old.kill()
    elif how == "frozen":
        old.freeze()
    storm.pair.promote()
    storm.lasts(0, 1)
    storm.switch.point(storm.pair.master.port)
    if how == "dead":
        old.start()
    elif how == "frozen":
        old.thaw()
    storm.pair.follow()
    return how


@fault(2)
def broker_killed(storm):
    node = storm.node()
    node.kill()
    storm.lasts(1, 5)
    node.start()
    return f"broker {node.number}"


@fault(2)
def broker_frozen(storm):
    node = storm.node()
    return f"broker {node.number} {storm.frozen(node, 1, 6):.1f} s"


@fault(1)
def brokers_frozen(storm):
    return f"{storm.frozen(storm.cluster, 1, 4):.1f} s"


@fault(2, root=True)
def broker_cut_off(storm):
    node = storm.node()
    with Isolated(node.group):
        storm.lasts(1, 6)
    return f"broker {node.number}"


@fault(2, root=True)
def replies_dropped(storm):
    port = storm.dice.choice([storm.pair.master.port, storm.pair.replica.port, *(n.port for n in storm.cluster.nodes)])
    with NoReplies(port):
        storm.lasts(0.5, 4)
    return f"port {port}"


@fault(2, root=True)
def daemon_cut_off(storm):
    """The first daemon, which has a network of its own."""
    what = storm.dice.choice(sorted(storm.ways))
    with storm.network.cut(storm.ways[what]):
        storm.lasts(1, 8)
    return f"from {what}"


class Storm:
    """One market, one history, one dice."""

    def __init__(self, stage, room, seed, seconds, instances=3, say=print):
        self.cluster, self.dice, self.say = stage.cluster, random.Random(seed), say
        self.pair = Pair(room / "redis").start()
        self.switch = Switch(self.pair.master.port).__enter__()
        self.play = Play(stage.cluster, self.pair.master, room, instances=instances, partitions=4, seed=seed, events=int(100 * seconds) + 1000, settings={
            "redis.address": self.switch.address, "redis.durability": "replicas:1"})
        kafka, redis = [node.port for node in stage.cluster.nodes], [int(self.switch.address.rpartition(":")[2])]
        self.ways = {"kafka": kafka, "redis": redis, "both": kafka + redis}
        self.network = Network(kafka + redis) if os.geteuid() == 0 else None
        if self.network:
            self.play.daemons[0].network = self.network.path
        self.steps = [step for step in steps() if step not in APART | COOPERATIVE | AT_THE_END]
        self.seconds = seconds
        self.done, self.died = collections.Counter(), collections.Counter()
        self._begun = self._fault_begun = time.monotonic()

    # for the faults

    def one(self):
        return self.dice.choice(self.play.daemons)

    def node(self):
        return self.dice.choice(self.cluster.nodes)

    def admin(self):
        return self.pair.master.client(socket_timeout=5)

    def waited(self, seconds):
        return time.monotonic() - self._fault_begun > seconds

    def lasts(self, least, most):
        self.play.lasts(self.dice.uniform(least, most))

    def frozen(self, part, least=0.2, most=5):
        seconds = self.dice.uniform(least, most)
        part.freeze()
        self.play.lasts(seconds)
        part.thaw()
        return seconds

    # the run

    def run(self):
        with self.play:
            self._begun = time.monotonic()
            while time.monotonic() - self._begun < self.seconds:
                names = sorted(FAULTS)
                name = self.dice.choices(names, [FAULTS[n][1] for n in names])[0]
                self._fault_begun = time.monotonic()
                told = FAULTS[name][0](self)
                self.done[name] += 1
                self.say(f"{self._fault_begun - self._begun:8.1f} s  {name:<18} {told or ''}", flush=True)
                self.revive()
                self.lasts(0, 1.5)
            return self.end()

    def revive(self):
        """Nobody may have ended by himself; the dead are started again."""
        for daemon in self.play.daemons:
            if not daemon.alive:
                assert daemon.exit_code in (0, -signal.SIGKILL), f"{daemon.name} ended with {daemon.exit_code}:\n{daemon.tail()}"
                daemon.start(wait=False)

    def end(self):
        """Everything is mended, nothing more is sent; what is left must come to rest and be as promised."""
        self.say(f"{time.monotonic() - self._begun:8.1f} s  quiet", flush=True)
        until(self.cluster.whole, 90, "the cluster is not whole")
        until(self.pair.in_step, 90, "the replica does not follow")
        self.play.market.redis = self.pair.master.client()
        self.revive()
        self.play.quiet(240)
        return self.play.market.audit().counts

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.play.market.close()
        if self.network:
            self.network.__exit__()
        self.switch.__exit__()
        self.pair.kill()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    if os.geteuid() != 0:
        print("not root: nothing is dropped by the kernel")
    with Stage() as stage, Storm(stage, stage.room("storm"), given.seed, 60 * given.minutes) as storm:
        counts = storm.run()
        print(f"\nseed {given.seed}: " + ", ".join(f"{n} {name}" for name, n in storm.done.most_common()))
        print(", ".join(f"{n} {name}" for name, n in counts.most_common()))
    print("1 passed, 0 failed")


if __name__ == "__main__":
    main()
