#!/usr/bin/python3
"""The judgement: a market worked by several daemons under kills and rebalances, and then all that can be asked of its log.

    judgement.py                                 a million events, 60 disturbances, every part
    judgement.py --events 50000 --kills 10 --only audit,verify
    judgement.py --minutes 30                    again and again, each time with another seed, for half an hour

The load always comes first, and the rulebook reads it over (rulebook.py: every decision made once more, in Python). Parts: see PARTS.
Needs the jars of tests/run.sh live and a build (ORDERD_BINARY, or build/). Says what it measured; closes with "N passed, N failed".
"""
import argparse
import collections
import json
import os
import subprocess
import sys
import tempfile
import time
import traceback
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

import damages as catalogue                      # noqa: E402
import rulebook                                  # noqa: E402
import test_cdnow                                # noqa: E402
from audit import Audit, snapshot                # noqa: E402
from broker import Reader, Record                # noqa: E402
from daemon import BINARY                        # noqa: E402
from ground import PARTITIONS, Flow, Ground      # noqa: E402
from market import Market, encode                # noqa: E402
from process import until                        # noqa: E402
from snapshots import Snapshot                   # noqa: E402
from test_journal import PLAYER                  # noqa: E402
from test_snapshot import whole                  # noqa: E402
from web import served                           # noqa: E402

LOSSES, SOME, FLOW_RATE, ENDLESS = 4, 8000, 2000, 10**9      # how often Redis is lost or older, events each time, and in a second
UNLISTED = 100                               # damages that nobody has listed
READ_AHEAD_KB = 32 << 10                     # as orderd audit has it
SNAPSHOTS, BACKLOG = 20, 150000              # taken one after the other of a market that catches up with nine times so many events,
SMALL_TURN = 5                               # in turns so small that it is at work all the time, and the log not too long to be read here
MUTANTS = BINARY.parents[1] / "tests" / "live" / "mutants"


# --- the parts; each takes a Ground at rest and says what it found

PARTS = {}


def part(function):
    PARTS[function.__name__] = function
    return function


@part
def audit(ground, say):
    """orderd audit --redis finds nothing, and counts what was sent."""
    report, ran = audited(ground)
    assert consumed(report) == sum(ends(ground).values())
    say(f"audit: clean, {rate(consumed(report), ran)}, {ran.memory()}")


@part
def damages(ground, say):
    """The catalogue of damages and a hundred that nobody has listed, each done to a small market of its own: named, and nothing besides."""
    with Ground(folder_of(ground, "specimen"), ground.seed, broker=ground.broker, dead_letter_partitions=2) as small:
        small.play(1000, 2)
        small.down()
        specimen = catalogue.Specimen(small.market, small.room)
        wrong = [f"{name}: {complaint}" for name, damage in catalogue.CATALOGUE for complaint in [catalogue.run_one(specimen, damage, ground.seed)] if complaint]
        for number in range(UNLISTED):
            what, complaint = catalogue.run_random(specimen, 1000 * ground.seed + number)
            wrong += [f"{what}: {complaint}"] if complaint else []
        assert not wrong, "\n".join([f"{len(wrong)} of {len(catalogue.CATALOGUE) + UNLISTED}", *wrong[:5]])
    say(f"damages: {len(catalogue.CATALOGUE)} of the catalogue and {UNLISTED} unlisted ones, each was named and nothing besides")


@part
def verify(ground, say):
    """orderd replay --verify finds no difference, and the market that it makes is the live one."""
    ran = ground.run("replay", "--into-prefix", "again:", "--verify").must().flat()
    assert state_under(ground, "again:") == state_under(ground, ground.market.prefix)
    forget(ground, "again:")
    say(f"verify: no difference, {rate(sum(ends(ground).values()), ran)}, {ran.memory()}")


@part
def mutant(ground, say):
    """With one rule changed: exactly the differences that follow from it."""
    for name in sorted(rulebook.CHANGED):
        wrong, told = [], ground.room / f"{name}.jsonl"
        expected = rulebook.differences(ground.market, name, wrong)
        assert not wrong and expected, (wrong[:3], len(expected))
        ran = ground.run("replay", "--into-prefix", f"{name}:", "--verify", "--differences", told, binary=MUTANTS / f"orderd_{name}").must(65)
        found = dict(map(difference, told.read_text().splitlines()))
        only = {"expected and not found": sorted(set(expected) - set(found))[:5], "found and not expected": sorted(set(found) - set(expected))[:5]}
        assert set(found) == set(expected), only
        other = {at: (found[at], expected[at]) for at in found if found[at] != expected[at]}
        assert not other, list(other.items())[:3]
        forget(ground, f"{name}:")
        say(f"mutant {name}: {len(expected)} differences, exactly these, {rate(sum(ends(ground).values()), ran)}")


@part
def snapshots(ground, say):
    """Taken while the daemon works as fast as it can: each is the log folded up to its marks, key for key. How long EXEC took meanwhile, and without."""
    ground.down()
    market = Market(ground.broker, ground.server, folder_of(ground, "snapshots"), partitions=PARTITIONS)
    try:
        plain = caught_up(ground, market, BACKLOG)
        files = [market.directory / f"snapshot{number}" for number in range(SNAPSHOTS)]
        shared = caught_up(ground, market, 9 * BACKLOG, lambda daemon: [ground.run("snapshot", file, file=daemon.file).must() for file in files])
        outcomes = list(market.first_copies(timeout=3600).values())
        moments = []
        for file in files:
            held = Snapshot(file).only
            whole(market, held, outcomes)
            moments.append(sum(int(mark["next"]) for mark in held.marks().values()))
        busy = sum(BACKLOG < moment < 10 * BACKLOG for moment in moments)
        say(f"snapshots: {SNAPSHOTS}, {busy} of them under full load, each the log up to its marks; meanwhile {shared}; without {plain}")
        assert busy == SNAPSHOTS, moments
    finally:
        market.close()


@part
def disaster(ground, say):
    """Redis is lost with all that it kept, while events come: restored from a snapshot and from the log, in turns."""
    file, before = ground.room / "market.snapshot", sum(ends(ground).values())
    ground.all_up()
    with Flow(ground.market, ground.trade, ENDLESS, rate=FLOW_RATE):
        for number in range(LOSSES):
            ground.ahead(SOME // 4)
            if number % 2 == 0:
                ground.run("snapshot", file).must()
                ground.ahead(SOME // 4)
            ground.lose_redis()
            ground.down()
            ground.run("restore", file if number % 2 == 0 else "--from-log").must()
            ground.all_up()
    ground.rest()
    sound(ground)
    audited(ground)
    say(f"disaster: {LOSSES} times Redis was lost and restored, {sum(ends(ground).values()) - before} events meanwhile, one decision each")


@part
def rollback(ground, say):
    """Redis comes back older than what was published, while events come: the published decisions are applied again, and no other."""
    redis, dump, before = ground.market.redis, ground.server.directory / "dump.rdb", sum(ends(ground).values())
    ground.down()
    for daemon in ground.daemons:
        daemon.configure(on_rollback="reapply")
    ground.all_up()
    with Flow(ground.market, ground.trade, ENDLESS, rate=FLOW_RATE):
        for _ in range(LOSSES):
            redis.save()
            old = dump.read_bytes()
            ground.ahead(SOME // 2)
            ground.server.kill()
            dump.write_bytes(old)
            ground.server.start()
            ground.dice.choice(ground.daemons).kill()
            ground.all_up()
            ground.ahead(1)
    ground.rest()
    sound(ground)
    audited(ground)
    say(f"rollback: {LOSSES} times an older Redis, {sum(ends(ground).values()) - before} events meanwhile, one decision each")


@part
def cdnow(ground, say):
    """CDNOW's purchases: as calculated, replayed without a difference, and the audit is clean."""
    market = Market(ground.broker, ground.server, folder_of(ground, "cdnow"), partitions=test_cdnow.PARTITIONS)
    try:
        daemon = market.daemon()
        stream = list(test_cdnow.cdnow.events(test_cdnow.cdnow.read(os.environ.get("ORDERD_CDNOW")), test_cdnow.PARTITIONS))
        market.send_all([Record(e.partition, None, e.key.encode(), encode(e.value), None, 0) for e in stream])
        until(lambda: not Audit(market).unsettled() or not daemon.alive, 300, daemon.tail)
        rulebook.held(market)
        audited(ground, file=daemon.file)
        ran = ground.run("replay", "--into-prefix", "cdnow-again:", "--verify", file=daemon.file).must()
        forget(ground, "cdnow-again:")
        say(f"cdnow: {len(stream)} events, audit clean, verified, {rate(len(stream), ran)}")
    finally:
        market.close()


@part
def figures(ground, say):
    """How fast the daemon catches up with the whole log, and how fast replay and audit go over it. Nothing is judged: a machine is busy or not."""
    events = sum(ends(ground).values())
    ground.down()
    market = Market(ground.broker, ground.server, folder_of(ground, "figures"), partitions=PARTITIONS)
    try:
        with Flow(market, ground.trade, events) as flow:
            until(lambda: flow.over, 3600, "the events are not sent")
        begun = time.monotonic()
        daemon = market.daemon()
        until(lambda: not Audit(market).unsettled(), 3600, "it does not catch up")
        say(f"figures: the daemon {events / (time.monotonic() - begun):.0f} events a second")
        assert daemon.stop() == 0
        say("figures: replay " + rate(events, ground.run("replay", "--into-prefix", "figures:", file=daemon.file).must()))
        forget(ground, "figures:")
        say("figures: audit " + rate(events, audited(ground, file=daemon.file)[1]))
        reader = [PLAYER, ground.broker.bootstrap, market.outcome_topic, market.meta()["incarnation"], market.source, PARTITIONS, READ_AHEAD_KB]
        begun = time.monotonic()
        subprocess.run([str(word) for word in reader], stdout=subprocess.DEVNULL, check=True)
        say(f"figures: its reader alone, in one thread {events / (time.monotonic() - begun):.0f} events a second")
        begun = time.monotonic()
        for topic in (market.source, market.outcome_topic):
            passed_by(ground.broker, topic)
        say(f"figures: a consumer in Python that takes the records of both topics and looks at none {events / (time.monotonic() - begun):.0f} events a second")
    finally:
        market.close()


# --- what they share

def caught_up(ground, market, events, meanwhile=lambda daemon: None):
    """Sends so many events, lets a daemon take them, and says how fast it was and how long EXEC took."""
    with Flow(market, ground.trade, events) as flow:
        until(lambda: flow.over, 3600, "the events are not sent")
    daemon, web = served(market, turn__events=SMALL_TURN)
    daemon.wait_for("took over", count=PARTITIONS)
    begun = time.monotonic()
    meanwhile(daemon)
    until(lambda: not Audit(market).unsettled(), 3600, "it does not catch up")
    seconds, took = time.monotonic() - begun, executions(web)
    assert daemon.stop() == 0
    return f"{events / seconds:.0f} events a second, EXEC took {quantile(took, 0.5)} (half), {quantile(took, 0.99)} (99 %), {quantile(took, 1)} (all)"


def executions(web):
    """{upper bound in seconds: how many were at most that long}"""
    return {float(dict(labels)["le"]): count for labels, count in web.metrics().series("orderd_transaction_duration_seconds_bucket").items()}


def quantile(took, part):
    return f"<= {1000 * next(bound for bound in sorted(took) if took[bound] >= part * max(took.values())):g} ms"


def folder_of(ground, name):
    folder = ground.room / name
    folder.mkdir(exist_ok=True)
    return folder


def audited(ground, file=None):
    """The report of an audit that finds nothing, and the run."""
    ran = ground.run("audit", "--redis", "--strict", "--work", folder_of(ground, "work"), "--json", file=file).must().flat()
    report = json.loads(ran.out)
    assert report["clean"] and not report["findings"] and not report["foreign"], ran.out[:3000]
    return report, ran


class Passing(Reader):
    """Takes records and looks at none."""

    def poll(self, timeout):
        self._positions.update((message.partition(), message.offset() + (not message.error())) for message in self._consumer.consume(10000, timeout))


def passed_by(broker, topic):
    ends, reader = broker.ends(topic), Passing(broker.bootstrap, topic, broker.partitions(topic))
    try:
        until(lambda: reader.poll(0.1) or all(reader.position(partition) >= end for partition, end in ends.items()), 3600, f"{topic} cannot be read")
    finally:
        reader.close()


def consumed(report):
    return sum(partition["consumed"] for market in report["markets"] for partition in market["partitions"])


def sound(ground):
    """The rulebook holds over the whole log, and Redis is what it says."""
    counts, state = rulebook.held(ground.market)
    assert state.plain() == state_under(ground, ground.market.prefix)
    return counts


def ends(ground):
    return ground.broker.ends(ground.market.source)


def rate(events, ran):
    return f"{events} events in {ran.seconds:.1f} s, {events / ran.seconds:.0f} a second"


def state_under(ground, prefix):
    """The market under another prefix of the same Redis."""
    class Elsewhere:
        redis, sharded, partitions = ground.market.redis, False, PARTITIONS

        @staticmethod
        def key(name, _=None):
            return prefix + name
    return snapshot(Elsewhere)[None].plain()


def forget(ground, prefix):
    redis = ground.market.redis
    for key in list(redis.scan_iter(match=prefix + "*", count=1000)):
        redis.unlink(key)


def difference(line):
    """(place, (recorded Verdict, Verdict now)) of a line of --differences."""
    told = json.loads(line)

    def verdict(side):
        return rulebook.Verdict(side["status"], side["reason"], side["facts"], side.get("first"))
    return (told["topic"], told["partition"], told["offset"]), (verdict(told["recorded"]), verdict(told["now"]))


# --- the program

def judge(events, kills, seed, parts, say):
    """(passed, failed)"""
    passed = failed = 0
    with tempfile.TemporaryDirectory(prefix="orderd-judgement-") as room, Ground(room, seed) as ground:
        ground.play(events, kills)
        say(f"seed {seed}: {events} events in {ground.seconds:.1f} s, " + ", ".join(f"{n} {what}" for what, n in ground.done.most_common()))
        counts = sound(ground)
        say("rulebook: " + ", ".join(f"{n} {status}" for status, n in counts.most_common()))
        for name in parts:
            try:
                PARTS[name](ground, say)
                passed += 1
            except Exception:
                say(f"{name}: FAILED\n{traceback.format_exc()}")
                failed += 1
    return passed, failed


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--events", type=int, default=1000000)
    parser.add_argument("--kills", type=int, default=60, help="how often something happens to a daemon")
    parser.add_argument("--minutes", type=float, default=0, help="again and again for so long")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", default=",".join(PARTS), help=f"of {', '.join(PARTS)}")
    given = parser.parse_args()
    end, seed, passed, failed = time.monotonic() + 60 * given.minutes, given.seed, 0, 0
    while seed == given.seed or time.monotonic() < end:
        results = judge(given.events, given.kills, seed, [name for name in given.only.split(",") if name], lambda line: print(line, flush=True))
        passed, failed, seed = passed + results[0], failed + results[1], seed + 1
    print(f"{passed} passed, {failed} failed")
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    os.chdir(tempfile.gettempdir())
    sys.exit(main())
