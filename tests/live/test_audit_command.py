"""orderd audit over real topics and Redis: clean after a run under kills, then each damage by hand is named, and nothing besides.

What is slow here is the ground: one specimen serves all (some fifteen seconds), a damage takes about one.
"""
import json
import subprocess
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

import damages
from daemon import BINARY
from ground import Ground
from load import Feeder
from market import deposit, purchase
from process import until

SCHEMA = json.loads((Path(__file__).resolve().parents[2] / "conf" / "schemas" / "reports" / "audit.json").read_text())
RANDOM = 10      # damages that nobody has listed; damages.py does more
pytestmark = pytest.mark.xdist_group("audit command")      # one specimen for all


@pytest.fixture(scope="module")
def specimen(broker, tmp_path_factory):
    room = tmp_path_factory.mktemp("specimen")
    with Ground(room, seed=5, broker=broker, dead_letter_partitions=2) as ground:
        ground.play(1000, 2)
        for daemon in ground.daemons:
            daemon.stop()
        yield damages.Specimen(ground.market, room)


def audit(specimen, *options, file=None):
    return subprocess.run([BINARY, "audit", "-c", file or specimen.market.daemons[0].file, *options], capture_output=True, text=True, timeout=120)


def test_a_run_under_kills_is_clean(specimen):
    ran = audit(specimen, "--redis", "--json", "--work", specimen.room)
    report = json.loads(ran.stdout)
    assert (ran.returncode, ran.stderr, report["clean"], report["findings"], report["foreign"]) == (0, "", True, 0, 0)
    Draft202012Validator(SCHEMA).validate(report)
    market, = report["markets"]
    assert market["begins"] == "empty" and sum(p["consumed"] for p in market["partitions"]) == 1000
    for p in market["partitions"]:
        assert p["consumed"] == sum(p[name] for name in ("applied", "rejected", "expired", "duplicate", "malformed")) > 0
    assert market["money"]["end"] == market["money"]["redis"] > 0 and market["items"]["end"] == market["items"]["redis"] > 0
    assert market["redis"]["values"] == market["redis"]["equal"] > 0
    assert not list(specimen.room.glob("orderd-audit-*"))      # the snapshot is gone


def test_people_read_the_same(specimen):
    ran = audit(specimen, "--redis")
    assert (ran.returncode, ran.stderr) == (0, "")
    assert "began with an empty market" in ran.stdout and ran.stdout.endswith("clean: no finding\n")


def test_it_does_without_redis(specimen):
    settings = {**specimen.market.daemons[0].settings, "redis.address": "/nowhere/redis.sock"}
    file = specimen.room / "alone.conf"
    file.write_text(damages.config_text(settings))
    ran = audit(specimen, file=file)
    assert ran.returncode == 0 and "that of the last outcome" in ran.stdout and "redis is not asked" in ran.stderr
    assert audit(specimen, "--redis", file=file).returncode == 69


def test_an_incarnation_without_outcomes_proves_nothing(specimen):
    ran = audit(specimen, "--incarnation", "00000000-0000-4000-8000-000000000000")
    assert ran.returncode == 65 and "nothing is proved" in ran.stdout and "clean" not in ran.stdout, ran


def test_a_part_of_the_log_is_taken_as_first_seen(specimen):
    place = f"{specimen.source}:0:{len(specimen.outcomes[0]) // 2}"
    ran = audit(specimen, "--from", place, "--json")
    market, = json.loads(ran.stdout)["markets"]
    assert ran.returncode == 0 and market["begins"] == "first_seen" and market["partitions"][0]["from"] == int(place.rsplit(":", 1)[1])


def test_it_begins_with_a_snapshot(make_market, tmp_path):
    market = make_market(partitions=2)
    daemon = market.daemon()
    market.redis.hset(market.key("users:rich"), "funds", 500)      # did not come from the log
    market.send_all([deposit("27", 10), deposit("rich", 1)])
    market.outcomes()
    snapshot = tmp_path / "before"
    assert subprocess.run([BINARY, "snapshot", "-c", daemon.file, snapshot], capture_output=True, timeout=60).returncode == 0
    market.send_all([deposit("27", 5), purchase("rich", "27", "lamp", 3), deposit("27", 10, id="again"), deposit("27", 10, id="again")])
    market.outcomes()
    assert daemon.stop() == 0
    ran = subprocess.run([BINARY, "audit", "-c", daemon.file, "--redis", "--state", snapshot, "--json", "--strict"], capture_output=True, text=True, timeout=60)
    report, = json.loads(ran.stdout)["markets"]
    assert (ran.returncode, report["begins"], report["partitions"][0]["from"], report["partitions"][0]["duplicate"]) == (0, "snapshot", 2, 1)
    assert report["money"]["end"] == report["money"]["redis"] == 526
    whole = subprocess.run([BINARY, "audit", "-c", daemon.file, "--redis", "--json"], capture_output=True, text=True, timeout=60)
    found, = json.loads(whole.stdout)["markets"][0]["findings"]
    assert (whole.returncode, found["kind"], found["key"], found["became"]) == (0, "foreign_first", "users:rich funds", 500)
    assert subprocess.run([BINARY, "audit", "-c", daemon.file, "--strict"], capture_output=True, timeout=60).returncode == 65


def taken(daemon, file):
    assert subprocess.run([BINARY, "snapshot", "-c", daemon.file, file], capture_output=True, timeout=60).returncode == 0
    return file


def clean(daemon, *options):
    ran = subprocess.run([BINARY, "audit", "-c", daemon.file, "--redis", "--json", "--strict", *options], capture_output=True, text=True, timeout=60)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return json.loads(ran.stdout)["markets"]


def test_each_dedupe_setting_is_held_against_what_it_ruled(make_market, tmp_path):
    """Of the ids before the window each is decided anew; with a larger window in between they would be duplicates."""
    market = make_market(settings={"dedupe.ids": 2})
    daemon = market.daemon()

    def play(*ids):
        market.send_all([deposit("u", 1, id=id) for id in ids])
        market.outcomes()
        assert daemon.stop() == 0

    def change(ids):
        daemon.configure(dedupe__ids=ids)
        assert subprocess.run([BINARY, "init", "-c", daemon.file, "--dedupe"], capture_output=True, timeout=60).returncode == 0
        daemon.start()

    play("a", "b", "c", "a")
    snapshot = taken(daemon, tmp_path / "before")
    change(100)
    play("d", "e", "f", "g", "d")
    change(3)
    play("h", "i", "j", "k", "h", "k")
    assert [outcome.status for outcome in market.outcomes()] == ["applied"] * 8 + ["duplicate"] + ["applied"] * 5 + ["duplicate"]
    report, = clean(daemon)
    assert (report["begins"], report["partitions"][0]["duplicate"]) == ("empty", 2)
    report, = clean(daemon, "--state", snapshot)
    assert (report["begins"], report["partitions"][0]["from"]) == ("snapshot", 4)


@pytest.mark.parametrize("shard", ["none", "partition"])
def test_a_partition_that_came_after_the_snapshot_began_empty(make_market, tmp_path, shard):
    market = make_market(partitions=2, settings={"shard": shard})
    daemon = market.daemon()
    market.send_all([deposit("27", 10)])
    market.send_all([deposit("27", 7)], partition=1)
    market.outcomes()
    snapshot = taken(daemon, tmp_path / "before")
    assert daemon.stop() == 0
    market.partitions = 3
    for topic in (market.outcome_topic, market.source):
        market.broker.add_partitions(topic, 3)
    assert subprocess.run([BINARY, "init", "-c", daemon.file, "--accept-repartition"], capture_output=True, timeout=60).returncode == 0
    daemon.start()
    for number in range(3):
        market.send_all([deposit("27", 5)], partition=number)
    until(lambda: [market.mark(number).get("done") for number in range(3)] == ["2", "2", "1"], 30, "the third is not worked")
    assert daemon.stop() == 0
    markets = clean(daemon, "--state", snapshot)
    assert [p["from"] for m in markets for p in m["partitions"]] == [1, 1, 0]
    assert sum(m["money"]["end"] for m in markets) == sum(m["money"]["redis"] for m in markets) == 32
    assert [m["begins"] for m in markets] == (["snapshot"] if shard == "none" else ["snapshot", "snapshot", "empty"])


def test_each_market_of_a_sharded_one_is_audited(make_market):
    market = make_market(partitions=2, settings={"shard": "partition"})
    daemon = market.daemon()
    market.send_all([deposit("27", 10)] * 2)
    market.send_all([deposit("27", 7)], partition=1)
    market.outcomes()
    assert daemon.stop() == 0
    ran = subprocess.run([BINARY, "audit", "-c", daemon.file, "--redis", "--json"], capture_output=True, text=True, timeout=60)
    assert ran.returncode == 0, ran.stdout
    assert [(m["market"], m["money"]["end"]) for m in json.loads(ran.stdout)["markets"]] == [(0, 10), (1, 7)]


def test_a_daemon_may_be_at_work(make_market):
    market = make_market(partitions=2)
    daemon = market.daemon()
    with Feeder(market, partitions=2) as feeder:
        feeder.ahead(300)
        for _ in range(3):
            ran = subprocess.run([BINARY, "audit", "-c", daemon.file, "--redis", "--strict"], capture_output=True, text=True, timeout=120)
            assert ran.returncode == 0, ran.stdout + ran.stderr
            feeder.ahead(200)
    market.outcomes()


@pytest.mark.parametrize("name, function", damages.CATALOGUE, ids=[name for name, _ in damages.CATALOGUE])
def test_a_damage_is_named_and_nothing_besides(specimen, name, function):
    wrong = damages.run_one(specimen, function, 11)
    assert wrong is None, wrong


@pytest.mark.parametrize("number", range(RANDOM))
def test_a_damage_that_nobody_has_listed_is_found(specimen, number):
    what, wrong = damages.run_random(specimen, 4000 + number)
    assert wrong is None, f"{what}: {wrong}"
