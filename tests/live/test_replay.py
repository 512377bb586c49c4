"""`orderd replay`: the past once more, into a namespace of its own, without the live market taking notice."""
import json
import os
import pty
import signal
import subprocess

import pytest

import process
from daemon import BINARY
from load import mixed
from market import Market, Outcome, deposit, grant, list_, purchase
from process import until
from replaying import Replay, Target, command, comparable, live, replay, start, state

PARTITIONS = 3


@pytest.fixture(scope="module")
def played(broker, redis_server, tmp_path_factory):
    """A market with some thousand events of every kind behind it, and no daemon any more."""
    market = Market(broker, redis_server, tmp_path_factory.mktemp("market"), partitions=PARTITIONS)
    daemon = market.daemon()
    market.send_all(mixed(3000, PARTITIONS, seed=11))
    market.outcomes()
    assert daemon.stop() == 0
    yield market
    market.close()


@pytest.fixture
def target(played):
    target = Target(played)
    yield target
    for key in target.keys():
        played.redis.delete(key)


def test_a_replay_makes_the_same_market_and_leaves_the_live_one_alone(played, target):
    before = live(played)
    done = replay(played, target, "--json")
    assert done.code == 0, done.err
    assert done.report["finished"] and done.report["events"]["all"] == 3000
    assert (done.report["order"], done.report["run_unrecorded"]) == ("recorded", 0)
    assert state(target) == state(played)
    assert live(played) == before


def test_the_report_tells_people_what_came_of_it(played, target):
    done = replay(played, target)
    assert done.code == 0, done.err
    assert f'replayed 3,000 events into {played.server.address} database 0 prefix "{target.prefix}"' in done.out
    assert "order: as recorded" in done.out and "not_held" in done.out
    assert f"{played.source}:0 is replayed to its end, {played.broker.ends(played.source)[0]:,}" in done.out


def test_where_no_event_has_an_outcome_the_order_is_not_said_to_be_the_recorded_one(played, target):
    done = replay(played, target, "--json", "--incarnation", "00000000-0000-4000-8000-000000000000")
    assert done.code == 0, done.err
    assert (done.report["order"], done.report["run_unrecorded"]) == ("offsets", 3000)


def test_without_the_recorded_order_it_says_what_that_does_not_guarantee(played, target):
    done = replay(played, target, "--without-recorded")
    assert done.code == 0, done.err
    assert "between partitions it is not what it was" in done.out


def test_outcomes_to_a_topic_are_those_of_the_past_under_a_source_of_their_own(played, target):
    topic = played.broker.topic("replayed", PARTITIONS)
    done = replay(played, target, "--outcomes", topic, "--json")
    assert done.code == 0, done.err
    found = {(o.topic, o.partition, o.offset): o for o in map(Outcome, played.broker.read(topic))}
    recorded = {(o.topic, o.partition, o.offset): o for o in played.first_copies().values()}
    assert found.keys() == recorded.keys()
    assert {place: comparable(o.record.value) for place, o in found.items()} == {place: comparable(o.record.value) for place, o in recorded.items()}
    sources = {o.headers["ce_source"] for o in found.values()}
    assert sources == {"/orderd/" + done.report["incarnation"]} and not sources & {o.headers["ce_source"] for o in recorded.values()}
    in_order = sorted(found, key=lambda place: found[place].sequence)
    assert in_order == sorted(recorded, key=lambda place: recorded[place].sequence)


def test_outcomes_to_a_file_are_a_line_an_event(played, target, tmp_path):
    path = tmp_path / "outcomes.ndjson"
    done = replay(played, target, "--outcomes-file", path)
    assert done.code == 0, done.err
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    recorded = {o.headers["ce_id"]: o for o in played.first_copies().values()}
    assert len(lines) == len(recorded)
    for line in lines:
        outcome = recorded[line["headers"]["ce_id"]]
        assert comparable(json.dumps(line["value"])) == comparable(outcome.record.value)
        assert line["key"].encode() == outcome.record.key and line["partition"] == outcome.partition


def test_a_file_of_another_replay_is_refused(played, target, tmp_path):
    path = tmp_path / "outcomes.ndjson"
    assert replay(played, target, "--outcomes-file", path).code == 0
    before = path.read_bytes()
    other = Target(played)
    done = replay(played, other, "--outcomes-file", path)
    assert done.code == 65 and "holds something already" in done.err and not other.keys()
    assert path.read_bytes() == before


def test_a_file_that_holds_something_is_left_alone_and_nothing_is_begun(played, target, tmp_path):
    path = tmp_path / "letter"
    path.write_text("dear all")
    done = replay(played, target, "--outcomes-file", path)
    assert done.code == 65 and "holds something already" in done.err, done.err
    assert path.read_text() == "dear all" and not target.keys()


def test_a_file_that_cannot_be_made_is_said_before_anything_is_begun(played, target, tmp_path):
    done = replay(played, target, "--outcomes-file", tmp_path / "none" / "outcomes.ndjson")
    assert done.code == 74 and "No such file" in done.err and not target.keys(), done.err


def interrupted(played, target, number, *options):
    """Runs until some hundred events are in, then a signal; returns the exit code."""
    run = start(played, target, "--rate", 2000, *options)
    until(lambda: run.poll() is not None or sum(position(target)) > 500, 30, "the replay does not get on")
    run.send_signal(number)
    out, err = run.communicate(timeout=90)
    assert 0 < sum(position(target)) < 3000, (out, err)
    return run.returncode


def position(target):
    return [int(target.redis.hget(target.key(f"orderd:mark:{target.source}:{n}"), "next") or 0) for n in range(PARTITIONS)]


def test_ctrl_c_stops_it_and_the_same_command_goes_on(played, target):
    assert interrupted(played, target, signal.SIGINT, "--json") == os.EX_TEMPFAIL
    done = replay(played, target, "--json", "--rate", 2000)
    assert done.code == 0, done.err
    assert done.report["resumed"] and done.report["events"]["all"] == 3000 and done.report["uncounted"] == 0
    assert state(target) == state(played)


def test_killed_in_between_every_outcome_is_in_the_topic_and_none_with_other_bytes(played, target):
    topic = played.broker.topic("replayed", PARTITIONS)
    assert interrupted(played, target, signal.SIGKILL, "--outcomes", topic) == -signal.SIGKILL
    done = replay(played, target, "--outcomes", topic)
    assert done.code == 0, done.err
    copies = {}
    for record in played.broker.read(topic):
        outcome = Outcome(record)
        copies.setdefault((outcome.partition, outcome.offset), set()).add((record.key, tuple(map(tuple, record.headers)), record.value))
    assert len(copies) == 3000
    assert all(len(bytes_of) == 1 for bytes_of in copies.values())
    assert state(target) == state(played)


def test_killed_in_between_the_file_has_every_outcome_once(played, target, tmp_path):
    path = tmp_path / "outcomes.ndjson"
    assert interrupted(played, target, signal.SIGKILL, "--outcomes-file", path) == -signal.SIGKILL
    with open(path, "a") as file:
        file.write('{"partition":0,"key":"cut')
    done = replay(played, target, "--outcomes-file", path)
    assert done.code == 0, done.err
    ids = [json.loads(line)["headers"]["ce_id"] for line in path.read_text().splitlines()]
    assert len(ids) == 3000 and len(set(ids)) == 3000


def test_a_terminal_sees_a_bar(played, target):
    leader, follower = pty.openpty()
    run = process.start(command(played, target, "--rate", 2000), stdout=subprocess.DEVNULL, stderr=follower)
    os.close(follower)
    seen = b""
    while True:
        try:
            chunk = os.read(leader, 4096)
        except OSError:
            break
        if not chunk:
            break
        seen += chunk
    assert run.wait(90) == 0
    assert b"\r" in seen and b"of 3,000" in seen and b"[#" in seen and b"/s" in seen


def elsewhere(market, client, *options):
    """Into a namespace with the live prefix; returns the run, and the target as a namespace."""
    target = Target(market, market.prefix)
    target.redis = client
    run = subprocess.run([BINARY, "replay", "-c", market.daemons[0].file, *options], capture_output=True, text=True, timeout=60)
    return Replay(run), target


def test_another_database_is_another_namespace(played):
    client = played.server.client(db=5)
    done, target = elsewhere(played, client, "--into-database", "5")
    assert done.code == 0, done.err
    assert state(target) == state(played)
    client.flushdb()


def test_a_lost_redis_is_rebuilt_on_another_server(make_market, own_redis):
    lost, other = own_redis(), own_redis()
    market = make_market(server=lost, partitions=PARTITIONS)
    daemon = market.daemon()
    market.send_all(mixed(500, PARTITIONS, seed=24))
    market.outcomes()
    before = state(market)
    assert daemon.stop() == 0
    lost.kill()
    done, target = elsewhere(market, other.client(), "--into-address", other.address, "--verify")
    assert done.code == 0, done.err
    assert "is away" in done.err and state(target) == before


# what is refused, before anything is touched

def refused(played, target, *options, code=os.EX_CONFIG):
    before, keys = live(played), target.keys()
    done = replay(played, target, *options)
    assert done.code == code, (done.code, done.out, done.err)
    assert code != os.EX_CONFIG or done.err.startswith("orderd replay: refused: "), done.err
    assert live(played) == before and target.keys() == keys
    return done.err


def test_the_live_namespace_is_refused_by_whatever_name(played):
    same = Target(played, played.prefix)
    assert "the namespace is the live market's" in refused(played, same)
    tcp = played.server.address
    assert "the namespace is the live market's" in refused(played, same, "--into-address", os.path.join(os.path.dirname(tcp), ".", os.path.basename(tcp)))


def test_a_namespace_that_is_not_empty_is_refused(played, target):
    played.redis.set(target.key("stock:k"), 1)
    assert f"it holds {target.prefix}stock:k" in refused(played, target)


def test_a_namespace_of_another_market_is_refused(played, target):
    played.redis.hset(target.key("orderd:meta"), "schema", 1)
    assert "no replay's" in refused(played, target)


def test_another_replay_is_refused(played, target):
    assert replay(played, target).code == 0
    assert "holds another replay" in refused(played, target, "--verify")


def test_the_live_outcome_topic_is_refused(played, target):
    assert "a topic of its own would be right" in refused(played, target, "--outcomes", played.outcome_topic)
    assert "a topic of its own would be right" in refused(played, target, "--outcomes", played.source)


def test_an_outcome_topic_that_holds_other_outcomes_is_refused(played, target):
    topic = played.broker.topic("replayed", PARTITIONS)
    assert replay(played, target, "--outcomes", topic).code == 0
    assert "an empty topic would be right" in refused(played, Target(played), "--outcomes", topic)


def test_an_outcome_topic_with_too_few_partitions_is_refused(played, target):
    assert "has 1 partitions" in refused(played, target, "--outcomes", played.broker.topic("small", 1))


def test_an_outcome_topic_of_another_source_is_refused(played, target, make_market):
    other = make_market(partitions=PARTITIONS)
    daemon = other.daemon()
    other.play([deposit("a", 1)])
    assert daemon.stop() == 0
    daemon.configure(kafka__outcomes=played.outcome_topic)
    assert "belongs to another source" in refused(other, target)


def test_ranges_that_retention_has_eaten_are_refused(make_market):
    market = make_market()
    daemon = market.daemon()
    market.play([deposit("a", 1), deposit("a", 2), deposit("a", 3)])
    assert daemon.stop() == 0
    market.broker.delete_records(market.source, 0, 2)
    err = refused(market, Target(market), "--from", f"{market.source}:0:1")
    assert "retention" in err and "2" in err


def test_a_partition_count_that_is_not_registered_is_refused(make_market):
    market = make_market(partitions=1)
    daemon = market.daemon()
    market.play([deposit("a", 1)])
    assert daemon.stop() == 0
    market.broker.add_partitions(market.source, 2)
    market.broker.add_partitions(market.outcome_topic, 2)
    assert "2 partitions, 1 are in the live registry" in refused(market, Target(market))


# what of a range counts

def test_a_range_plays_only_what_it_names(make_market):
    market = make_market()
    daemon = market.daemon()
    market.play([grant("s", "i"), deposit("b", 100), list_("s", "i", 40), purchase("b", "s", "i", 40), deposit("b", 7)])
    assert daemon.stop() == 0
    target = Target(market)
    done = replay(market, target, "--from", f"{market.source}:0:1", "--to", f"{market.source}:0:4", "--json")
    assert done.code == 0, done.err
    assert done.report["events"] == {"all": 3, "applied": 1, "rejected": 2, "expired": 0, "duplicate": 0, "malformed": 0}
    assert done.report["reasons"] == {"not_held": 1, "not_listed": 1}


def test_a_duplicate_of_what_lies_before_the_range_is_taken_as_recorded(make_market):
    market = make_market()
    daemon = market.daemon()
    market.play([deposit("a", 5, id="once"), deposit("a", 1), deposit("a", 5, id="once")])
    assert daemon.stop() == 0
    done = replay(market, Target(market), "--from", f"{market.source}:0:1", "--json")
    assert done.code == 0, done.err
    assert done.report["events"]["duplicate"] == 1 and done.report["as_recorded"] == 1


def test_each_partition_of_a_sharded_market_is_replayed_into_its_own(make_market):
    market = make_market(partitions=2, settings={"shard": "partition"})
    daemon = market.daemon()
    market.send_all(mixed(300, 2, seed=5))
    market.outcomes()
    assert daemon.stop() == 0
    target = Target(market)
    done = replay(market, target)
    assert done.code == 0, done.err
    assert state(target) == state(market)


# what happens to it

def test_a_lost_connection_is_no_end_and_nothing_is_lost_by_it(played, target):
    topic = played.broker.topic("replayed", PARTITIONS)
    run = start(played, target, "--rate", 2000, "--outcomes", topic, "--json")
    for wanted in (300, 900, 1500):
        until(lambda: run.poll() is not None or sum(position(target)) > wanted, 30, "the replay does not get on")
        played.redis.client_kill_filter(_type="normal", skipme=True)
    out, err = run.communicate(timeout=60)
    assert run.returncode == 0, err
    report = json.loads(out)
    assert report["events"]["all"] + report["uncounted"] == 3000
    assert len({(o.partition, o.offset) for o in map(Outcome, played.broker.read(topic))}) == 3000
    assert state(target) == state(played)


def test_two_at_once_the_second_takes_over_and_the_first_ends(played, target):
    first = start(played, target, "--rate", 1000)
    until(lambda: first.poll() is not None or sum(position(target)) > 300, 30, "the replay does not get on")
    second = replay(played, target)
    _, err = first.communicate(timeout=90)
    assert first.returncode == os.EX_CONFIG and "somebody else works" in err
    assert second.code == 0, second.err
    assert state(target) == state(played)


def test_a_live_daemon_goes_on_beside_it(make_market):
    market = make_market(partitions=2)
    daemon = market.daemon()
    market.send_all(mixed(1000, 2, seed=21))
    market.outcomes()
    target = Target(market)
    run = start(market, target, "--rate", 1000)
    market.send_all(mixed(500, 2, seed=22))
    market.outcomes()
    _, err = run.communicate(timeout=60)
    assert run.returncode == 0, err
    assert daemon.alive
    market.audit()
    assert sum(int(target.redis.hget(target.key(f"orderd:mark:{market.source}:{n}"), "next")) for n in range(2)) >= 1000


def test_a_broker_that_restarts_is_waited_for(make_market, own_broker):
    market = make_market(partitions=2, broker=own_broker)
    daemon = market.daemon()
    market.send_all(mixed(2000, 2, seed=23))
    market.outcomes()
    assert daemon.stop() == 0
    target, topic = Target(market), own_broker.topic("replayed", 2)
    run = start(market, target, "--rate", 1000, "--outcomes", topic)
    until(lambda: run.poll() is not None or int(target.redis.hget(target.key(f"orderd:mark:{market.source}:0"), "next") or 0) > 300, 30, "it does not get on")
    own_broker.kill()
    own_broker.start()
    _, err = run.communicate(timeout=90)
    assert run.returncode == 0, err
    assert len({(o.partition, o.offset) for o in map(Outcome, own_broker.read(topic))}) == 2000
    assert state(target) == state(market)
