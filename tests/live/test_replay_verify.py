"""`orderd replay --verify`: decisions held against those of the past."""
import json
import os
import signal

import pytest

from broker import Record
from load import mixed
from market import Market, deposit, grant, list_, purchase, reserve, restock
from process import until
from replaying import Target, live, replay, start, state

PARTITIONS = 3


@pytest.fixture(scope="module")
def played(broker, redis_server, tmp_path_factory):
    market = Market(broker, redis_server, tmp_path_factory.mktemp("market"), partitions=PARTITIONS)
    daemon = market.daemon()
    market.send_all(mixed(3000, PARTITIONS, seed=12))
    market.outcomes()
    assert daemon.stop() == 0
    yield market
    market.close()


def told(market, change):
    """The market's file with a copy of its outcome topic, in which `change` made something else of the records, or nothing."""
    topic = market.broker.topic("altered", market.partitions)
    market.broker.send_all(topic, [made for made in map(change, market.broker.read(market.outcome_topic)) if made])
    daemon = market.make(kafka__outcomes=topic)
    market.daemons.remove(daemon)
    market.daemons.insert(0, daemon)


@pytest.fixture
def small(make_market):
    """make(events): a market that has decided them, and no daemon."""
    def make(events, meanwhile=None):
        market = make_market()
        daemon = market.daemon()
        for event in events:
            if callable(event):
                event(market)
            else:
                market.play([event])
        assert daemon.stop() == 0
        return market
    return make


def altered(record, **members):
    return record._replace(value=json.dumps({**json.loads(record.value), **members}, separators=(",", ":")).encode())


def lines(path):
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_the_same_rules_decide_the_same(played, tmp_path):
    before, path = live(played), tmp_path / "differences.ndjson"
    done = replay(played, Target(played), "--verify", "--json", "--differences", path)
    assert done.code == 0, done.err + path.read_text()
    verified = done.report["verified"]
    assert verified["compared"] == verified["same"] == 3000 and not any(verified["differences"].values())
    assert verified["foreign_writes"] == verified["first_seen"] == verified["undecided"] == 0
    assert path.read_text() == "" and live(played) == before


def test_it_says_so_to_people(played):
    done = replay(played, Target(played), "--verify")
    assert done.code == 0 and "compared with what was recorded: 3,000 decisions, 3,000 the same, none differ" in done.out


def test_where_nothing_was_recorded_nothing_is_proved(played):
    done = replay(played, Target(played), "--verify", "--incarnation", "00000000-0000-4000-8000-000000000000")
    assert done.code == 65 and "nothing was compared" in done.err, done.err
    assert "3,000 events of this run have no outcome of incarnation 00000000-0000-4000-8000-000000000000" in done.out


EVENTS = [grant("s", "i"), deposit("b", 100), list_("s", "i", 40), purchase("b", "s", "i", 40, id="sale"), restock("k", 5), reserve("k", 6, "b")]
DAMAGES = {
    "status": (3, {"status": "rejected", "reason": "insufficient_funds", "facts": {"price": 40, "buyer_funds": 100}}),
    "reason": (5, {"reason": "unknown_sku", "facts": {"stock": None}}),
}


@pytest.mark.parametrize("kind", DAMAGES)
def test_a_recorded_decision_that_is_another_is_shown(small, tmp_path, kind):
    market, path, (offset, members) = small(EVENTS), tmp_path / "differences.ndjson", DAMAGES[kind]
    told(market, lambda r: altered(r, **members) if json.loads(r.value)["source"]["offset"] == offset else r)
    done = replay(market, Target(market), "--verify", "--differences", path)
    assert done.code == os.EX_DATAERR, done.err
    found, = [line for line in lines(path) if line["kind"] not in ("foreign", "first_seen")]
    assert (found["kind"], found["offset"]) == (kind, offset)
    assert found["recorded"]["status"] == "rejected" and found["recorded"]["reason"] == members["reason"]
    assert f"{market.source}:0:{offset} {kind} differs" in done.out


def test_a_difference_reads_like_what_happened(small):
    market = small(EVENTS)
    told(market, lambda r: altered(r, status="rejected", reason="insufficient_funds", facts={"price": 40, "buyer_funds": 100}) if json.loads(r.value)["source"]["offset"] == 3 else r)
    out = replay(market, Target(market), "--verify").out
    assert f'{market.source}:0:3 status differs: purchase "sale" {{"buyer":"b","seller":"s","item":"i","price":40}}' in out
    assert 'recorded  rejected insufficient_funds  {"price":40,"buyer_funds":100}' in out
    assert 'now       applied  {"price":40,"buyer_funds":[100,60],"seller_funds":[0,40]}' in out


def test_an_outcome_that_is_missing_is_shown(small, tmp_path):
    market, path = small([deposit("a", n) for n in range(1, 5)]), tmp_path / "differences.ndjson"
    topic = market.broker.topic("altered")
    market.broker.send_all(topic, [r for r in market.broker.read(market.outcome_topic) if json.loads(r.value)["source"]["offset"] != 1])
    market.daemons.insert(0, market.make(kafka__outcomes=topic))
    done = replay(market, Target(market), "--verify", "--differences", path)
    assert done.code == os.EX_DATAERR, done.err
    found, = [line for line in lines(path) if line["kind"] == "missing"]
    assert (found["offset"], found["count"]) == (1, 1)


def test_events_that_are_not_yet_decided_are_no_difference(small):
    market = small([deposit("a", 1)])
    market.send(deposit("a", 2))
    done = replay(market, Target(market), "--verify", "--json")
    assert done.code == 0, done.err
    assert done.report["verified"]["undecided"] == 1


def test_what_another_program_wrote_is_named_and_is_no_difference(small, tmp_path):
    path = tmp_path / "differences.ndjson"
    market = small([deposit("a", 100), lambda m: m.redis.hincrby(m.key("users:a"), "funds", 11), deposit("a", 1), restock("k", 5),
                    lambda m: m.redis.set(m.key("stock:k"), 2), reserve("k", 3, "a"), lambda m: m.redis.sadd(m.key("inventory:a"), "gift"),
                    list_("a", "gift", 9)])
    done = replay(market, Target(market), "--verify", "--json", "--differences", path)
    assert done.code == 0, done.err + path.read_text()
    assert done.report["verified"]["foreign_writes"] == 2 and done.report["verified"]["first_seen"] == 1
    assert [(line["kind"], line["key"], line["was"], line["became"]) for line in lines(path)] == [
        ("foreign", "users:a funds", 100, 111), ("foreign", "stock:k", 5, 2), ("first_seen", "inventory:a gift", False, True)]
    out = replay(market, Target(market), "--verify").out
    assert f"another program wrote users:a funds: it was 100 and became 111, before {market.source}:0:1" in out


def test_expired_events_and_an_operators_word_are_taken_as_recorded(make_market):
    market = make_market()
    daemon = market.daemon()
    market.play([deposit("a", 1)])
    assert daemon.stop() == 0
    market.send(deposit("a", 2))
    assert daemon.command("init", "--quarantine", f"{market.source}:0:1").returncode == 0
    daemon.start()
    market.play([deposit("a", 4)])
    assert daemon.stop() == 0
    done = replay(market, Target(market), "--verify", "--json")
    assert done.code == 0, done.err
    assert done.report["reasons"] == {"quarantined": 1} and done.report["as_recorded"] == 1


def test_every_event_kind_of_a_foreign_clock_is_compared(small):
    """A message without a key, one with headers, and one that is no text."""
    market = small([deposit("a", 1), lambda m: (m.send_all([Record(0, None, None, b"\xff", [("h", b"1")], 0)]), m.outcomes())])
    done = replay(market, Target(market), "--verify", "--json")
    assert done.code == 0, done.err
    assert done.report["events"]["malformed"] == 1


# a market that did not come from the log alone

def snapshot_of(market, path):
    done = market.daemons[0].command("snapshot", str(path))
    assert done.returncode == 0, done.stderr
    return path


def test_a_snapshot_gives_the_market_that_was_there_before(make_market, tmp_path):
    market = make_market(partitions=PARTITIONS)
    market.redis.hset(market.key("users:u1"), "funds", 5000)
    market.redis.sadd(market.key("inventory:u2"), "heirloom")
    daemon = market.daemon()
    events = mixed(600, PARTITIONS, seed=31)
    market.send_all(events)
    market.outcomes()
    until(lambda: market.redis.xlen(market.key("orderd:outbox")) == 0, 10, "the outbox is not emptied")
    file = snapshot_of(market, tmp_path / "market.snapshot")
    market.play([list_("u2", "heirloom", 17), deposit("u1", 1)])
    market.send_all(events)      # with ids that were seen before the snapshot
    market.outcomes()
    assert daemon.stop() == 0
    target = Target(market)
    done = replay(market, target, "--verify", "--state", file, "--json")
    assert done.code == 0, done.out + done.err
    verified = done.report["verified"]
    assert verified["compared"] == 602 and verified["foreign_writes"] == verified["first_seen"] == 0
    assert done.report["events"]["duplicate"] > 500
    assert state(target) == state(market)


def test_of_two_that_load_one_snapshot_the_older_does_no_more(make_market, tmp_path):
    market = make_market()
    pipe = market.redis.pipeline()
    for number in range(60000):
        pipe.hset(market.key(f"users:x{number}"), "funds", 1)
    pipe.execute()
    daemon = market.daemon()
    market.play([deposit("x59999", 1)])
    file = snapshot_of(market, tmp_path / "market.snapshot")
    market.play([deposit(f"x{number}", 1) for number in range(0, 60000, 1000)])
    assert daemon.stop() == 0
    target = Target(market)
    first = start(market, target, "--state", file)
    until(lambda: market.redis.hexists(target.key("orderd:meta"), "loading"), 30, "it does not begin to load")
    first.send_signal(signal.SIGSTOP)
    second = replay(market, target, "--state", file)
    first.send_signal(signal.SIGCONT)
    out, err = first.communicate(timeout=60)
    assert second.code == 0, second.err
    assert first.returncode and ("another run of this replay" in out + err or "the snapshot cannot be loaded" in out + err), out + err
    assert state(target) == state(market)


def test_a_snapshot_that_is_cut_is_refused(played, tmp_path):
    file = snapshot_of(played, tmp_path / "market.snapshot")
    file.write_bytes(file.read_bytes()[:-100])
    target = Target(played)
    done = replay(played, target, "--state", file)
    assert done.code == os.EX_DATAERR and f"orderd replay: {file}" in done.err
    assert target.keys() == []


def test_a_snapshot_of_another_market_is_refused(played, make_market, tmp_path):
    other = make_market()
    daemon = other.daemon()
    other.play([deposit("a", 1)])
    assert daemon.stop() == 0
    target = Target(played)
    done = replay(played, target, "--state", snapshot_of(other, tmp_path / "market.snapshot"))
    assert done.code == os.EX_CONFIG and "the snapshot knows no" in done.err
    assert target.keys() == []


# stopped, and gone on with

def ended_by(market, target, number, *options):
    """Runs until some hundred events are in, then a signal; returns the exit code."""
    run = start(market, target, "--rate", 2000, "--verify", *options)
    mark = [target.key(f"orderd:mark:{market.source}:{n}") for n in range(PARTITIONS)]
    until(lambda: run.poll() is not None or sum(int(market.redis.hget(key, "next") or 0) for key in mark) > 800, 30, "the replay does not get on")
    run.send_signal(number)
    run.communicate(timeout=90)
    return run.returncode


def test_a_verification_that_was_stopped_goes_on_and_counts_it_all(played):
    target = Target(played)
    assert ended_by(played, target, signal.SIGTERM) == os.EX_TEMPFAIL
    done = replay(played, target, "--verify", "--json")
    assert done.code == 0, done.out + done.err
    assert done.report["resumed"] and done.report["verified"]["same"] == 3000
    assert done.report["verified"]["foreign_writes"] == done.report["verified"]["first_seen"] == 0


def test_a_verification_that_was_killed_is_no_whole_verdict(played):
    target = Target(played)
    assert ended_by(played, target, signal.SIGKILL) == -signal.SIGKILL
    done = replay(played, target, "--verify", "--json")
    assert done.code == os.EX_TEMPFAIL and f"{done.report['uncounted']} offsets that it had replayed were not compared" in done.err
    assert done.report["finished"] and done.report["uncounted"] + done.report["events"]["all"] == 3000


# --- what an operator did

def test_what_an_operator_passed_over_is_passed_over(make_market):
    market = make_market()
    daemon = market.daemon()
    market.play([deposit("u", 1), deposit("u", 2)])
    assert daemon.stop() == 0
    market.send_all([deposit("u", 1000), deposit("u", 1000)])
    assert daemon.command("offsets", "--move", f"{market.source}:0", "--to", "4", "--because", "a producer gone mad").returncode == 0
    daemon.start()
    market.send_all([deposit("u", 3)])
    until(lambda: market.funds("u") == 6, 20, "it does not go on")
    assert daemon.stop() == 0
    target = Target(market)
    done = replay(market, target, "--verify", "--json")
    assert done.code == 0, done.err
    assert (done.report["passed_over"], done.report["events"]["all"], done.report["verified"]["foreign_writes"]) == (2, 3, 0)
    assert state(target) == state(market)


def test_what_a_loss_gave_up_is_decided_and_not_compared(make_market):
    market = make_market()
    daemon = market.daemon()
    market.play([deposit("u", 1), deposit("u", 2), deposit("u", 3)])
    assert daemon.stop() == 0
    line = f"{market.source}:0 1 2 {market.meta()['era']} --accept-loss: decided, and their outcomes lost"
    market.redis.hset(market.key("orderd:meta"), "moved", line)
    told(market, lambda record: None if dict(record.headers)["ce_id"].endswith(b"/1") else record)
    target = Target(market)
    done = replay(market, target, "--verify", "--json")
    assert done.code == 0, done.err
    assert (done.report["verified"]["given_up"], done.report["verified"]["compared"]) == (1, 2)
    assert state(target) == state(market)


def test_dedupe_settings_that_were_changed_in_between_are_told(make_market):
    """A namespace has one window: the duplicate of one event ago is none by the setting of now."""
    market = make_market(settings={"dedupe.ids": 100})
    daemon = market.daemon()
    market.play([deposit("u", 1, id="a"), deposit("u", 2, id="b"), deposit("u", 1, id="a")])
    assert daemon.stop() == 0
    assert not replay(market, Target(market), "--verify").err
    daemon.configure(dedupe__ids=1)
    assert daemon.command("init", "--dedupe").returncode == 0
    done = replay(market, Target(market), "--verify", "--json")
    assert f"other dedupe settings ruled up to offset 3 of {market.source}:0; window_s=3600 ids=1, which rule now" in done.err
    assert done.code == 65 and sum(done.report["verified"]["differences"].values()) == 1
    assert not replay(market, Target(market), "--verify", "--from", "end").err
