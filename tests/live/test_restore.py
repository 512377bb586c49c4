"""orderd restore: Redis is lost, with all that it held; the market comes back from a snapshot, or from the log alone, and goes on."""
import json
import re
import subprocess

import pytest

from daemon import BINARY
from faults import SHORT_SESSION
from load import Feeder, mixed
from market import deposit, grant
from process import start, until
from refusals import begun, goes_on
from snapshots import difference, in_redis, run, take

WAYS = ["snapshot", "log"]


def lose(server):
    """Redis ends, its files are gone, an empty one starts."""
    server.kill()
    for file in server.directory.glob("*.rdb"):
        file.unlink()
    server.start()


def without_members(market):
    until(lambda: not any(g.members for g in market.broker.admin.list_groups(market.group, timeout=10)), 30, "the group has members still")


def restore(market, way, *more, snapshot="snapshot"):
    """Runs it as the README tells; the CompletedProcess."""
    from_what = ["--from-log"] if way == "log" else [market.directory / snapshot]
    return run("restore", "-c", market.daemons[0].file, *more, *from_what)


def restored(market, way, **options):
    done = restore(market, way, **options)
    assert done.returncode == 0, f"{done.returncode}\n{done.stdout}{done.stderr}"
    assert "the market is restored" in done.stdout
    return done.stdout


def comparable(keys):
    """What must be as it was: not the era, nor the epochs, nor how the seen list and the outbox are cut into pieces."""
    kept = {key: value for key, value in keys.items() if key not in (b"orderd:outbox",) and not key.startswith(b"orderd:seen:")}
    return {key: {f: v for f, v in value.items() if f not in (b"epoch", b"era", b"reapplied", b"restored", b"done", b"seen_from", b"server")} if isinstance(value, dict) else value
            for key, value in kept.items()}


@pytest.mark.parametrize("way", WAYS)
def test_a_market_at_rest_comes_back_as_it_was(make_market, own_redis, way):
    market, daemon = begun(make_market, mixed(600, 3), server=own_redis(), partitions=3)
    take(market)
    daemon.start()
    market.send_all(mixed(600, 3, seed=2))
    market.outcomes(alive=[daemon])
    assert daemon.stop() == 0
    before = in_redis(market)
    lose(market.server)
    said = restored(market, way)
    assert not difference(comparable(in_redis(market)), comparable(before))
    assert market.redis.xlen(market.key("orderd:outbox")) <= 3, "what nobody delivers meanwhile is one entry a partition"
    assert b"halt" not in in_redis(market)[b"orderd:meta"] and b"restore" not in in_redis(market)[b"orderd:meta"]
    for partition in range(3):
        assert re.search(rf"^{market.source}:{partition}: .* up to offset {market.mark(partition)['next']}; 0 events wait", said, flags=re.MULTILINE), said
    goes_on(market, daemon.start(), mixed(60, 3, seed=3))


def test_what_came_while_nothing_was_published_since_is_as_in_the_snapshot(make_market, own_redis):
    market, daemon = begun(make_market, mixed(200), server=own_redis())
    market.redis.hset(market.key("users:u1"), "name", b"\xff\x00")
    market.redis.hset(market.key("orderd:paused"), f"{market.source}:0", "17 somebody")
    market.redis.set(market.key("stock:odd"), "many")
    discarded = {f"{market.source}:0:7@17": f"discarded 17 {market.dead_letter_topic}/0/0 -1 0 somebody why"}
    market.redis.hset(market.key("orderd:letters"), mapping={f"looked:{market.source}:0": "0 9 run-of-the-lost-one", **discarded})
    market.start_state()
    before = in_redis(market)
    take(market)
    lose(market.server)
    restored(market, "snapshot")
    after = in_redis(market)
    del before[b"orderd:letters"][f"looked:{market.source}:0".encode()]      # a redrive looks anew: it is of that server and its records
    assert not difference(comparable(after), comparable(before))
    assert {k: v for k, v in after.items() if b"seen" in k} == {k: v for k, v in before.items() if b"seen" in k}


@pytest.mark.long
def test_the_drill_with_the_traffic_running(make_market, own_redis):
    """Three times: by a snapshot taken under load, by the log alone, and by a snapshot again."""
    market = make_market(server=own_redis(), partitions=3, settings=SHORT_SESSION)
    daemons = [market.daemon(), market.daemon()]
    with Feeder(market, 3, records=mixed(200000, 3, users=100), chunk=100, pause=0.02) as feeder:
        for way in ["snapshot", "log", "snapshot"]:
            feeder.ahead(600)
            if way == "snapshot":
                take(market)
            feeder.ahead(600)
            market.server.kill()
            feeder.ahead(200)
            for daemon in daemons:
                daemon.kill()
            lose(market.server)
            without_members(market)
            restored(market, way)
            for daemon in daemons:
                daemon.start()
            feeder.ahead(300)
    market.outcomes(timeout=60, alive=daemons)
    goes_on(market, daemons[0], mixed(60, 3, seed=3))
    audited = run("audit", "-c", daemons[0].file, "--redis", "--work", market.directory)
    assert audited.returncode == 0, audited.stdout + audited.stderr


def test_every_shard_comes_back(make_market, own_redis):
    market, daemon = begun(make_market, mixed(300, 3), server=own_redis(), partitions=3, settings={**SHORT_SESSION, "shard": "partition"})
    take(market)
    for way in WAYS:
        daemon.start()
        market.play(mixed(100, 3, seed=5))
        assert daemon.stop() == 0
        lose(market.server)
        restored(market, way)
    goes_on(market, daemon.start(), mixed(60, 3, seed=3))


def test_one_that_is_killed_goes_on_and_does_nothing_twice(make_market, own_redis):
    market = make_market(server=own_redis(), settings=SHORT_SESSION)
    pipe = market.redis.pipeline()
    for number in range(60000):
        pipe.hset(market.key(f"users:x{number}"), "funds", "1")
    pipe.execute()
    daemon = market.daemon()
    market.play(mixed(100))
    assert daemon.stop() == 0
    take(market)
    daemon.start()
    market.play(mixed(100, seed=2))
    assert daemon.stop() == 0
    before = in_redis(market)
    lose(market.server)
    meta, stops = market.key("orderd:meta"), 0
    for stand in (2000, 20000, 40000):
        job = start([BINARY, "restore", "-c", daemon.file, market.directory / "snapshot"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        until(lambda: int((market.redis.hget(meta, "restore") or "x 0").split()[1].replace("written", "99999")) >= stand, 30, "it does not begin")
        job.kill()
        stops += job.wait() != 0
        assert market.redis.hget(meta, "halt").startswith("restore: ")
        daemon.start(wait=False)
        assert daemon.wait_exit() == 78 and "halted: restore" in daemon.tail() and "run the same command again" in daemon.tail()
        assert "half restored" in run("init", "-c", daemon.file, "--accept-rollback").stderr
    assert stops == 3
    assert "was begun already and goes on" in restored(market, "snapshot")
    assert not difference(comparable(in_redis(market)), comparable(before))
    assert restore(market, "snapshot").returncode == 78      # there it is, and lives
    goes_on(market, daemon.start(), mixed(60, seed=3))


def test_a_dry_run_says_it_all_and_changes_nothing(make_market, own_redis):
    market, daemon = begun(make_market, mixed(100), server=own_redis())
    take(market)
    daemon.start()
    market.play(mixed(50, seed=2))
    assert daemon.stop() == 0
    lose(market.server)
    for way in WAYS:
        done = restore(market, way, "--dry-run")
        assert done.returncode == 0 and "nothing was changed" in done.stdout and "up to offset 150" in done.stdout, done
        assert not in_redis(market)


def refused(market, way, said, code=78, **options):
    before = in_redis(market)
    done = restore(market, way, **options)
    assert done.returncode == code and re.search(said, done.stderr), done
    assert in_redis(market) == before
    return done.stderr


def test_a_namespace_that_is_not_empty_is_refused(make_market, own_redis):
    market, daemon = begun(make_market, mixed(100), server=own_redis())
    take(market)
    refused(market, "snapshot", "not empty, the registry .*orderd:meta is there")
    for key, put in {"users:u1": lambda k: market.redis.hset(k, "funds", 1), "market:": lambda k: market.redis.zadd(k, {"a.b": 1}),
                     "orderd:seen:x:0": lambda k: market.redis.rpush(k, "x")}.items():
        lose(market.server)
        put(market.key(key))
        for way in WAYS:
            refused(market, way, f"not empty, .*{key} is there")
    lose(market.server)
    market.redis.hset(market.key("users:not a name"), "x", "another program's")
    restored(market, "snapshot")


def test_a_group_with_members_is_refused(make_market, own_redis):
    market, daemon = begun(make_market, mixed(100), server=own_redis(), settings={"kafka.consumer": ["session.timeout.ms=45000", "fetch.wait.max.ms=20"]})
    take(market)
    daemon.start().wait_for("took over")
    daemon.freeze()
    lose(market.server)
    refused(market, "snapshot", "refused: .*has 1 member; stop the daemons first")
    daemon.kill()


@pytest.mark.parametrize("setting, other, said", [
    ("kafka__group", "another", "is of group"), ("shard", "partition", "is of shard"),
])
def test_a_snapshot_of_another_market_is_refused(make_market, own_redis, setting, other, said):
    market, daemon = begun(make_market, mixed(100), server=own_redis())
    take(market)
    lose(market.server)
    daemon.configure(**{setting: other})
    refused(market, "snapshot", said)


def test_other_partitions_and_topics_are_refused(make_market, own_redis):
    market, daemon = begun(make_market, mixed(100), server=own_redis())
    take(market)
    lose(market.server)
    market.broker.add_partitions(market.outcome_topic, 2)
    daemon.configure(kafka__outcomes=market.broker.topic("outcomes"))
    refused(market, "snapshot", "is of the outcome topic")
    daemon.configure(kafka__outcomes=market.outcome_topic)
    market.broker.add_partitions(market.source, 2)
    refused(market, "snapshot", "is of topics .*=1.*and this is .*=2")


def test_a_cut_and_an_altered_snapshot_is_refused(make_market, own_redis):
    market, daemon = begun(make_market, mixed(100), server=own_redis())
    path = take(market).path
    lose(market.server)
    whole = path.read_bytes()
    path.write_bytes(whole[:-20])
    refused(market, "snapshot", "ends before its last line", code=65)
    path.write_bytes(whole.replace(b'"field":"funds","value":"', b'"field":"funds","value":"1', 1))
    refused(market, "snapshot", "altered", code=65)
    path.unlink()
    refused(market, "snapshot", "No such file", code=66)


def test_numbers_that_leap_from_one_end_to_the_other_come_back(make_market, own_redis):
    """Another program puts them there; no increment of Redis's holds such a step."""
    market = make_market(server=own_redis())
    daemon = market.daemon()
    for funds in (9223372036854775800, -9223372036854775808, 9223372036854775800):
        market.redis.hset(market.key("users:u"), "funds", funds)
        market.play([deposit("u", 3)])
    assert daemon.stop() == 0
    lose(market.server)
    restored(market, "log")
    assert market.funds("u") == 9223372036854775803


def test_a_log_that_lacks_what_came_after_is_refused(make_market, own_redis):
    market, daemon = begun(make_market, mixed(100), server=own_redis())
    take(market)
    daemon.start()
    market.play(mixed(100, seed=2))
    assert daemon.stop() == 0
    lose(market.server)
    market.broker.delete_records(market.source, 0, 50)
    refused(market, "log", "begins at offset 50, the events before it are deleted")
    restored(market, "snapshot")
    lose(market.server)
    market.broker.delete_records(market.outcome_topic, 0, 150)
    refused(market, "log", "the outcomes before it are deleted")
    refused(market, "snapshot", "retention has eaten .* up to offset 149")
    market.broker.delete_records(market.source, 0, 150)
    refused(market, "snapshot", "retention has eaten offsets 100 to 149")


def test_a_snapshot_from_before_a_resolution_is_refused(make_market, own_redis):
    market, daemon = begun(make_market, mixed(100), server=own_redis())
    take(market)
    lose(market.server)
    assert run("init", "-c", daemon.file, "--adopt").returncode == 0
    daemon.start()
    market.play([deposit("u1", 5)])
    assert daemon.stop() == 0
    lose(market.server)
    refused(market, "snapshot", "incarnation .* which the snapshot does not know")
    assert "a snapshot taken after it would be right" in refused(market, "log", "outcomes of 2 incarnations")
    assert run("init", "-c", daemon.file, "--adopt").returncode == 0, "the other way that the refusal names"


def test_nothing_decided_is_nothing_to_restore(make_market, own_redis):
    market = make_market(server=own_redis())
    market.make()
    refused(market, "log", "kafka shows no decision")
