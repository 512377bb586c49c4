"""orderd offsets: what it shows is what Redis and Kafka hold; a mark is moved only where nothing can be lost by it unsaid."""
import json
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from audit import Audit
from faults import SHORT_SESSION
from market import deposit
from process import until

SCHEMA = json.loads((Path(__file__).resolve().parents[2] / "conf" / "schemas" / "reports" / "offsets.json").read_text())


@pytest.fixture
def rested(make_market):
    """rested(): a market of two partitions with ten deposits of 1 in each, all decided, and its daemon, which has stopped."""
    def make(**options):
        market = make_market(partitions=2, settings={**SHORT_SESSION, **options})
        daemon = market.daemon()
        for partition in (0, 1):
            market.send_all([deposit("ann", 1) for _ in range(10)], partition=partition)
        market.outcomes(alive=[daemon])
        until(lambda: all(market.mark(partition).get("done") == "10" for partition in (0, 1)), 20, "not at rest")
        assert daemon.stop() == 0
        return market, daemon
    return make


def shown(daemon):
    """The JSON object, held against its schema; partitions by number."""
    done = daemon.command("offsets", "--json")
    assert done.returncode == 0, done.stderr
    value = json.loads(done.stdout)
    assert [error.message for error in Draft202012Validator(SCHEMA).iter_errors(value)] == []
    return value, {row["partition"]: row for row in value["partitions"]}


def move(market, daemon, to, partition=0, *more):
    return daemon.command("offsets", "--move", f"{market.source}:{partition}", "--to", str(to), "--because", "ticket 7", *more)


def refused(done, found):
    assert done.returncode == 78 and done.stdout == "", (done.returncode, done.stdout, done.stderr)
    assert done.stderr.startswith("orderd offsets: refused: ") and found in done.stderr, done.stderr
    return True


def everything(market):
    """What Redis holds under the prefix."""
    return {key: market.redis.dump(key) for key in sorted(market.redis.keys(market.prefix + "*"))}


def goes_on(market, daemon, count=3):
    """It decides what comes."""
    daemon.start()
    offsets = market.send_all([deposit("ann", 1) for _ in range(count)])
    until(lambda: market.mark().get("done") == str(offsets[-1] + 1), 20, "it does not go on")


def is_clean(daemon):
    """The moves are known to the audit: what has no outcome, or another one, is no finding."""
    done = daemon.command("audit", "--redis")
    assert done.returncode == 0, done.stdout


# --- what is shown

def test_marks_commits_and_logs_stand_side_by_side(rested):
    market, daemon = rested()
    market.send_all([deposit("ann", 1) for _ in range(4)], partition=1)
    value, rows = shown(daemon)
    registry = market.meta()
    assert [(r["key"], r["incarnation"], r["era"], r["state"]) for r in value["registries"]] == \
        [(market.key("orderd:meta"), registry["incarnation"], int(registry["era"]), "good")]
    for number, lag in ((0, 0), (1, 4)):
        row = rows[number]
        assert (row["topic"], row["log_start"], row["done"], row["next"], row["log_end"]) == (market.source, 0, 10, 10, 10 + lag)
        assert (row["lag"], row["undelivered"], row["committed"], row["committed_by"], row["owner"]) == (lag, 0, 10, "current", None)
        assert row["outcomes_end"] == market.broker.ends(market.outcome_topic)[number]
        assert row["note"]["incarnation"] == registry["incarnation"]
    assert value["group"] == {"name": market.group, "state": "Empty", "members": 0}


def test_people_see_the_same(rested):
    market, daemon = rested()
    done = daemon.command("offsets")
    assert done.returncode == 0, done.stderr
    lines = [line.split() for line in done.stdout.splitlines()]
    assert [f"{market.source}:0", "0", "10", "10", "10", "0", "0", "10", "era", market.meta()["era"], "10", "-"] in lines
    assert market.meta()["incarnation"] in done.stdout


def test_owners_are_named_while_a_daemon_runs(rested):
    market, daemon = rested()
    daemon.start().wait_for("took over", count=2)
    value, rows = shown(daemon)
    assert (value["group"]["state"], value["group"]["members"]) == ("Stable", 1)
    assert {row["owner"]["client"] for row in rows.values()} == {"orderd"} and rows[0]["owner"]["host"] == "127.0.0.1"


def test_before_the_first_start_there_are_no_marks(make_market):
    market = make_market()
    value, rows = shown(market.make())
    assert [r["state"] for r in value["registries"]] == ["missing"]
    assert (rows[0]["next"], rows[0]["committed"], rows[0]["log_end"], rows[0]["lag"]) == (None, None, 0, None)


def test_a_commit_of_another_program_is_told_apart(rested):
    market, daemon = rested()
    market.broker.commit(market.group, market.source, 0, 3)
    _, rows = shown(daemon)
    assert (rows[0]["committed"], rows[0]["committed_by"], rows[0]["note"]) == (3, "another program", None)
    assert rows[1]["committed_by"] == "current"


# --- a mark moved forward

def test_forward_passes_over_what_lies_between(rested):
    market, daemon = rested()
    market.send_all([deposit("ann", 1000) for _ in range(5)])
    before = market.meta()
    done = move(market, daemon, 13)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "offsets 10 to 12 are passed over and never decided" in done.stdout
    assert (market.meta()["era"], market.meta()["incarnation"]) == (str(int(before["era"]) + 1), before["incarnation"])
    value, rows = shown(daemon)
    assert rows[0]["next"] == 13
    assert [(m["topic"], m["partition"], m["from"], m["to"], m["because"]) for m in value["registries"][0]["moved"]] == [(market.source, 0, 10, 13, "ticket 7")]
    goes_on(market, daemon)
    assert market.funds("ann") == 20 + 2 * 1000 + 3
    Audit(market, skipped={(market.source, 0, offset) for offset in (10, 11, 12)}).run()
    is_clean(daemon)


def test_duplicates_are_still_known_after_a_move_forward(rested):
    market, daemon = rested()
    twice = deposit("bob", 5)
    daemon.start()
    market.play([twice])
    until(lambda: market.mark().get("done") == "11", 20, "not at rest")
    daemon.stop()
    market.send_all([deposit("bob", 100), twice])
    assert move(market, daemon, 12).returncode == 0
    goes_on(market, daemon)
    market.send_all([twice])
    until(lambda: market.mark().get("done") == "16", 20, "it does not go on")
    assert market.funds("bob") == 5


# --- and backward

def test_backward_decides_again_under_a_new_source(rested):
    market, daemon = rested()
    before = market.meta()
    done = move(market, daemon, 7)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "offsets 7 to 9 will be decided a second time" in done.stdout and f"{market.source}:1: goes on where it stands" in done.stdout
    after = market.meta()
    assert int(after["era"]) > int(before["era"]) and after["incarnation"] != before["incarnation"] and before["incarnation"] in after["former"]
    goes_on(market, daemon, 3)
    assert market.funds("ann") == 20 + 3 + 3
    again = [o for o in market.copies() if o.partition == 0 and o.offset in (7, 8, 9)]
    assert sorted((o.offset, o.status, o.identity[0].endswith(after["incarnation"])) for o in again) == \
        sorted((offset, "applied", new) for offset in (7, 8, 9) for new in (False, True))
    _, rows = shown(daemon)
    assert {row["committed_by"] for row in rows.values()} == {"current"}
    Audit(market, incarnations=2).run()
    is_clean(daemon)


def test_a_move_is_still_known_when_redis_was_lost_and_restored(rested, tmp_path):
    market, daemon = rested()
    market.send_all([deposit("ann", 1) for _ in range(5)])
    assert move(market, daemon, 13).returncode == 0
    goes_on(market, daemon)
    assert daemon.stop() == 0 and daemon.command("snapshot", tmp_path / "file").returncode == 0
    for key in market.redis.keys(market.prefix + "*"):
        market.redis.delete(key)
    done = daemon.command("restore", tmp_path / "file")
    assert done.returncode == 0, done.stdout + done.stderr
    value, rows = shown(daemon)
    assert [(m["from"], m["to"]) for m in value["registries"][0]["moved"]] == [(10, 13)] and rows[0]["next"] == 18
    is_clean(daemon)


def test_to_a_time_is_to_the_first_event_after_it(rested):
    market, daemon = rested()
    early, late = 1_900_000_000_000, 1_900_000_100_000
    market.send(deposit("ann", 1), timestamp=early)
    market.send(deposit("ann", 1), timestamp=late)
    done = move(market, daemon, "2030-03-17T17:47:00Z", 0, "--dry-run")     # 1,900,000,020 s
    assert done.returncode == 0 and "from offset 10 to 11: ticket 7" in done.stdout, done.stdout + done.stderr


def test_start_and_end_have_names(rested):
    market, daemon = rested()
    market.send(deposit("ann", 1))
    assert "from offset 10 to 0: ticket 7" in move(market, daemon, "start", 0, "--dry-run").stdout
    assert "from offset 10 to 11: ticket 7" in move(market, daemon, "end", 0, "--dry-run").stdout


def test_a_market_for_each_partition_has_its_own_era(rested):
    market, daemon = rested(shard="partition")
    others = market.meta(0)
    assert move(market, daemon, 4, 1).returncode == 0
    assert market.meta(0) == others and market.mark(1)["next"] == "4"
    value, _ = shown(daemon)
    assert [(r["shard"], len(r["moved"])) for r in value["registries"]] == [(0, 0), (1, 1)]


# --- refused before anything is touched

def test_a_dry_run_changes_nothing(rested):
    market, daemon = rested()
    before = everything(market)
    for to in (3, "start"):
        done = move(market, daemon, to, 0, "--dry-run")
        assert done.returncode == 0 and "(a dry run: nothing was changed)" in done.stdout
    assert everything(market) == before


def test_what_a_daemon_owns_is_not_moved(rested):
    market, daemon = rested()
    daemon.start().wait_for("took over", count=2)
    before = market.mark()
    assert refused(move(market, daemon, 3), f"{market.source}:0 is owned by orderd at 127.0.0.1")
    assert market.mark() == before


def test_a_killed_daemons_partition_is_moved_once_the_group_has_let_it_go(rested):
    market, daemon = rested()
    daemon.start().wait_for("took over", count=2)
    daemon.kill()
    assert refused(move(market, daemon, 3), "is owned by")
    until(lambda: move(market, daemon, 3).returncode == 0, 20, "the group does not let it go")


@pytest.mark.parametrize("to,found", [
    (11, "offset 11 is not in the log of"), (10, "stands at offset 10 already"), ("end", "stands at offset 10 already")], ids=str)
def test_a_place_that_makes_no_sense_is_refused(rested, to, found):
    market, daemon = rested()
    before = everything(market)
    assert refused(move(market, daemon, to), found) and everything(market) == before


def test_below_the_logs_start_is_refused(rested):
    market, daemon = rested()
    market.broker.delete_records(market.source, 0, 5)
    assert refused(move(market, daemon, 4), "offset 4 is not in the log of") and refused(move(market, daemon, 4), "which holds 5 to 10")


def test_while_outcomes_wait_it_is_refused(rested):
    market, daemon = rested()
    market.redis.hset(market.key(f"orderd:mark:{market.source}:0"), "done", 8)
    assert refused(move(market, daemon, 3), "not known to be delivered (offsets 8 to 9); run orderd until they are")


@pytest.mark.parametrize("field,value,found", [
    ("halt", "rollback: by hand", "the market is halted: rollback: by hand; orderd init --reapply comes first"),
    ("group", "others", "others")], ids=["halted", "another group"])
def test_what_stands_against_the_market_comes_first(rested, field, value, found):
    market, daemon = rested()
    market.redis.hset(market.key("orderd:meta"), field, value)
    assert refused(move(market, daemon, 3), found)


def test_a_redis_that_came_back_older_is_not_hidden_by_a_move(rested):
    market, daemon = rested()
    market.redis.hset(market.key(f"orderd:mark:{market.source}:0"), mapping={"next": 8, "done": 8})
    assert refused(move(market, daemon, "end"), "redis came back older")


def test_partitions_that_are_none_are_refused(rested):
    market, daemon = rested()
    assert refused(move(market, daemon, 3, 2), "is no partition of this market")
