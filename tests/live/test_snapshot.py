"""orderd snapshot: the market at one moment, whoever works it meanwhile, key for key."""
import itertools
import json
import os
import signal
import subprocess
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from daemon import BINARY
from faults import SHORT_SESSION
from load import Feeder, mixed
from market import deposit, grant
from process import start, until
from refusals import begun
from snapshots import Snapshot, difference, element, fold, in_redis, run, take

SCHEMA = json.loads((Path(__file__).resolve().parents[2] / "conf" / "schemas" / "reports" / "snapshot.json").read_text())
ROUNDS = int(os.environ.get("ORDERD_SNAPSHOTS", "5"))


def same_as_redis(held, found):
    """Every key of the namespace, orderd's own too."""
    stream = [{**{k.decode(): v for k, v in fields.items()}, "id": id} for id, fields in found.pop(b"orderd:outbox")]
    assert [(e["entry"].encode(), e["at"].encode(), e["from"], e["to"], e["era"], e["records"]) for e in held.entries] == \
        [(e["id"], e["at"], int(e["from"]), int(e["to"]), int(e["era"]), e["records"]) for e in stream]
    every = {**held.hashes, **held.sets, **held.zsets, **held.strings, **held.lists}
    assert not difference(every, found)


def whole(market, held, outcomes):
    """Of one market in a snapshot: its values are the fold up to its marks, its seen lists and its outbox tile what the marks say."""
    marks = held.marks()
    assert not difference(held.market(), fold(outcomes, marks))
    for (topic, partition), mark in marks.items():
        begin, done, end = int(mark["seen_from"]), int(mark["done"]), int(mark["next"])
        seen = [element(data) for data in held.lists[f"orderd:seen:{topic}:{partition}".encode()]]
        assert [e[0] for e in seen] + [end] == [begin] + [e[1] for e in seen], f"the seen list of {topic}:{partition} does not tile {begin} to {end}"
        wanted = [(o.value["id"], o.offset) for o in sorted(outcomes, key=lambda o: o.offset) if (o.topic, o.partition) == (topic, partition) and
                  begin <= o.offset < end and o.status not in ("malformed", "duplicate")]
        assert [(id, offset) for e in seen for _, id, offset in e[2]] == wanted
        entries = [(e["from"], e["to"]) for e in held.entries if e["at"] == f"{topic}:{partition}"]
        assert [e[0] for e in entries] + [end] == [done] + [e[1] for e in entries], f"the outbox of {topic}:{partition} does not tile {done} to {end}"


def test_of_a_market_at_rest_it_is_what_redis_holds(make_market):
    market, daemon = begun(make_market, mixed(400, 2), partitions=2)
    market.redis.hset(market.key("users:u1"), mapping={"name": "Z\u00fcrich \"quoted\"\n", "blob": b"\x00\xff\xfe", "funds": "1"})
    market.redis.hset(market.key("orderd:paused"), f"{market.source}:1", "17 somebody")
    market.redis.set(market.key("users:odd"), "no hash")
    market.redis.sadd(market.key("inventory:big"), *[f"i{n}" for n in range(3000)])
    market.redis.set(market.key("users:two words"), "no name that an event can have")
    found = in_redis(market)
    found.pop(b"users:two words")
    same_as_redis(take(market).only, found)
    assert "whole" in run("snapshot", "--show", market.directory / "snapshot").stdout
    assert not list(market.directory.glob("*.partial"))


class Endless(Feeder):
    def batches(self):
        return (mixed(500, self.market.partitions, seed, users=200, skus=40) for seed in itertools.count())


def decided(market):
    """How many events are, as the marks say."""
    return sum(int(market.mark(p)["next"]) for p in range(market.partitions))


def test_under_full_load_it_is_the_log_folded_up_to_its_marks(make_market):
    """ORDERD_SNAPSHOTS says how many are taken."""
    market = make_market(partitions=3, settings={**SHORT_SESSION, "dedupe.ids": 2000})
    for _ in range(2):
        market.daemon().wait_for("took over")
    taken = []
    with Endless(market, records=[], pause=0.05):
        for number in range(ROUNDS):
            goal = decided(market) + 1000
            until(lambda: decided(market) >= goal, 60, "nothing is decided")
            taken.append(take(market, f"snapshot{number}"))
    market.outcomes(timeout=120, alive=market.daemons)
    outcomes = list(market.first_copies().values())
    for snapshot in taken:
        whole(market, snapshot.only, outcomes)
    moments = [sum(int(m["next"]) for m in snapshot.only.marks().values()) for snapshot in taken]
    assert sorted(set(moments)) == moments and len(moments) == ROUNDS


def test_seen_lists_that_move_on_with_every_small_turn_are_read(make_market):
    """Each loses elements at its head while it is asked where that is."""
    market = make_market(settings={"dedupe.ids": 6000, "turn.events": 1})
    market.send_all(mixed(60000, 1))
    market.daemon()
    until(lambda: decided(market) >= 10000, 60, "nothing is decided")
    snapshot = take(market)
    assert decided(market) < 60000
    market.outcomes(timeout=120, alive=market.daemons)
    whole(market, snapshot.only, list(market.first_copies().values()))


def test_every_shard_has_its_own_moment(make_market):
    market = make_market(partitions=3, settings={"shard": "partition"})
    market.daemon()
    with Feeder(market, 3, records=mixed(30000, 3), chunk=200, pause=0) as feeder:
        feeder.ahead(2000)
        snapshot = take(market)
    market.outcomes(timeout=60, alive=market.daemons)
    assert [held.number for held in snapshot.markets] == [0, 1, 2]
    for held in snapshot.markets:
        whole(market, held, [o for o in market.first_copies().values() if o.partition == held.number])


def test_entries_that_wait_in_the_outbox_are_in_it(make_market):
    """What is delivered leaves it when there was no turn for a while, which here is long."""
    market = make_market()
    daemon = market.daemon(outbox__idle_ms=10000)
    market.play([deposit("u1", 1) for _ in range(200)])
    snapshot = take(market)
    assert snapshot.only.entries and daemon.alive
    whole(market, snapshot.only, list(market.first_copies().values()))


def test_the_same_market_gives_the_same_values(make_market):
    market, daemon = begun(make_market, mixed(100))
    first, second = take(market, "first"), take(market, "second")
    assert first.lines[1:-1] == second.lines[1:-1] and first.header != second.header


def test_its_reports_are_as_the_schema_says(make_market):
    market, daemon = begun(make_market, mixed(100))
    path = market.directory / "s"
    taken = json.loads(run("snapshot", "-c", daemon.file, "--json", path).stdout)
    shown = json.loads(run("snapshot", "--show", path, "--json").stdout)
    for report in (taken, shown):
        Draft202012Validator(SCHEMA).validate(report)
    assert taken["digest"] == shown["digest"] and taken["values"] == shown["values"]
    assert [mark["next"] for mark in shown["markets"][0]["marks"]] == [100]


def test_it_goes_to_standard_output(make_market):
    market, daemon = begun(make_market, [deposit("u1", 5), grant("u1", "i1")])
    done = run("snapshot", "-c", daemon.file, "-")
    path = market.directory / "copied"
    path.write_text(done.stdout)
    assert done.returncode == 0 and "whole and consistent" in done.stderr
    assert Snapshot(path).only.market() == {"users:u1": {b"funds": b"5"}, "inventory:u1": {b"i1"}}
    assert run("snapshot", "--show", path).returncode == 0


def test_a_halted_market_is_taken_and_it_is_said(make_market):
    market, daemon = begun(make_market, mixed(20))
    market.redis.hset(market.key("orderd:meta"), "halt", "rollback: said by a test")
    done = run("snapshot", "-c", daemon.file, market.directory / "s")
    assert done.returncode == 0 and "stands still: rollback: said by a test" in done.stdout


@pytest.mark.parametrize("damage, said", [
    (lambda market: market.redis.delete(market.key("orderd:meta")), "there is no registry"),
    (lambda market: market.redis.hset(market.key("orderd:meta"), "cluster", "another"), "another"),
    (lambda market: market.redis.hset(market.key("orderd:meta"), "halt", "restore: half way"), "being restored"),
    (lambda market: market.redis.delete(market.key(f"orderd:mark:{market.source}:0")), "mark"),
], ids=["no registry", "of another cluster", "half restored", "without a mark"])
def test_what_is_no_whole_market_is_refused(make_market, damage, said):
    market, daemon = begun(make_market, mixed(20))
    damage(market)
    done = run("snapshot", "-c", daemon.file, market.directory / "s")
    assert done.returncode == 78 and said in done.stderr, done
    assert not list(market.directory.glob("s*"))


def test_what_cannot_be_written_is_said(make_market):
    market, daemon = begun(make_market, mixed(20))
    done = run("snapshot", "-c", daemon.file, "--work", market.directory, market.directory / "none" / "s")
    assert done.returncode == 73 and "none/s.partial" in done.stderr, done


def test_a_signal_ends_it_and_leaves_nothing(make_market):
    market, daemon = begun(make_market, mixed(20))
    pipe = market.redis.pipeline()
    for number in range(30000):
        pipe.hset(market.key(f"users:x{number}"), "funds", "1")
    pipe.execute()
    job = start([BINARY, "snapshot", "-c", daemon.file, market.directory / "s"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    until((market.directory / "s.partial").exists, 20, "it does not begin")
    job.send_signal(signal.SIGTERM)
    _, said = job.communicate(timeout=90)
    assert job.returncode == 75 and "stopped" in said, (job.returncode, said)
    assert not list(market.directory.glob("s*"))
