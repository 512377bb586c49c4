"""Every refusal of DESIGN 4.5 at start: found, told with the command that resolves it, resolved by that command, and then it goes on."""
import re
import uuid

import pytest

from audit import Audit
from faults import SHORT_SESSION
from load import mixed
from market import Outcome
from process import until
from refusals import begun, goes_on, refused_at_start, resolve, run


def outbox(market):
    """[(id, {field: text})] of the entries, without their records."""
    with market.server.client(decode_responses=False) as binary:
        return [(id.decode(), {name.decode(): value.decode() for name, value in fields.items() if name != b"records"})
                for id, fields in binary.xrange(market.key("orderd:outbox"))]


def with_waiting_outcomes(make_market):
    """A market whose daemon was killed with several entries in the outbox; their outcomes were delivered."""
    market = make_market(settings=SHORT_SESSION)
    daemon = market.daemon(outbox__idle_ms=10000, turn__events=10)
    market.send_all(mixed(60))
    market.outcomes(alive=[daemon])
    daemon.kill()
    daemon.configure(outbox__idle_ms=50)
    assert len(outbox(market)) >= 3
    return market, daemon


def unpublished(market, entries):
    """The offsets of these entries that no outcome tells of."""
    told = {(o.topic, o.partition, o.offset) for o in market.copies()}
    offsets = {(market.source, 0, n) for _, entry in entries for n in range(int(entry["from"]), int(entry["to"]))}
    return offsets - told


def test_a_deleted_outbox_at_rest(make_market):
    market, daemon = begun(make_market, mixed(50))
    market.redis.delete(market.key("orderd:outbox"))
    command = refused_at_start(daemon, "the outbox .* is missing")
    resolve(market, command, f"--accept-loss {market.source}:0")
    goes_on(market, daemon.start(), mixed(50, seed=2))


def test_a_deleted_outbox_with_waiting_outcomes(make_market):
    market, daemon = with_waiting_outcomes(make_market)
    entries = outbox(market)
    market.redis.delete(market.key("orderd:outbox"))
    command = refused_at_start(daemon, "the outbox .* is missing")
    said = resolve(market, command, f"--accept-loss {market.source}:0")
    assert f"offsets {entries[0][1]['from']} to {int(entries[-1][1]['to']) - 1} are lost" in said
    goes_on(market, daemon.start(), mixed(50, seed=2), lost=unpublished(market, entries))


def test_a_hole_in_the_outbox(make_market):
    market, daemon = with_waiting_outcomes(make_market)
    hole = outbox(market)[1]
    market.redis.xdel(market.key("orderd:outbox"), hole[0])
    last = int(hole[1]["to"]) - 1
    command = refused_at_start(daemon, rf"the outbox lacks the outcomes of offsets? ({hole[1]['from']} to )?{last}\b")
    said = resolve(market, command, f"--accept-loss {market.source}:0")
    assert re.search(rf"the outcomes of offsets? ({hole[1]['from']} to )?{last} are lost", said), said
    goes_on(market, daemon.start(), mixed(50, seed=2), lost=unpublished(market, [hole]))


def frozen_with_room(market):
    """Freezes the broker, and says whether the outbox had room then: what fills it is not delivered."""
    market.broker.freeze()
    if len(outbox(market)) < 5:
        return True
    market.broker.thaw()
    return False


def test_what_a_loss_gave_up_is_known_to_the_audit_for_good(make_market, own_broker):
    market = make_market(broker=own_broker, settings=SHORT_SESSION)
    daemon = market.daemon(outbox__entries=5, turn__events=10, rate__events_per_s=200)
    market.send_all(mixed(1000, again=0))
    until(lambda: int(market.mark().get("next", 0)) >= 50 and frozen_with_room(market), 20, "the outbox is full all the time")
    until(lambda: len(outbox(market)) == 5, 20, "the outbox does not fill")
    daemon.kill()
    daemon.configure(rate__events_per_s=0)
    own_broker.kill()      # and with it what lay in its sockets
    own_broker.start()
    entries = outbox(market)
    market.redis.delete(market.key("orderd:outbox"))
    command = refused_at_start(daemon, "the outbox .* is missing")
    resolve(market, command, f"--accept-loss {market.source}:0")
    goes_on(market, daemon.start(), mixed(50, seed=2, again=0), lost=unpublished(market, entries))
    lost = unpublished(market, entries)
    assert lost, "everything had been delivered"
    ran = run(f"orderd audit -c {daemon.file} --redis --json")
    assert ran.returncode == 0, ran.stdout
    assert '"outcome_missing"' not in ran.stdout


def test_a_deleted_seen_list(make_market):
    market, daemon = begun(make_market, mixed(50))
    market.redis.delete(market.key(f"orderd:seen:{market.source}:0"))
    command = refused_at_start(daemon, "the seen list .* does not cover offsets 0 to 49")
    resolve(market, command, f"--accept-loss {market.source}:0")
    goes_on(market, daemon.start(), mixed(50, seed=2, again=0))


def test_a_hole_in_the_seen_list(make_market):
    market = make_market(settings=SHORT_SESSION)
    daemon = market.daemon(turn__events=10)
    market.send_all(mixed(60))
    market.outcomes(alive=[daemon])
    assert daemon.stop() == 0
    key = market.key(f"orderd:seen:{market.source}:0")
    assert market.redis.llen(key) >= 3
    with market.server.client(decode_responses=False) as binary:
        binary.lrem(key, 1, binary.lindex(key, 1))
    command = refused_at_start(daemon, "the seen list .* does not cover")
    resolve(market, command, f"--accept-loss {market.source}:0")
    assert market.mark()["seen_from"] == market.mark()["next"]
    goes_on(market, daemon.start(), mixed(50, seed=2, again=0))


def test_a_torn_mark(make_market):
    market, daemon = begun(make_market, mixed(50))
    market.redis.hset(market.key(f"orderd:mark:{market.source}:0"), "torn", "1")
    command = refused_at_start(daemon, "the mark .* is torn")
    resolve(market, command, f"--accept-loss {market.source}:0")
    goes_on(market, daemon.start(), mixed(50, seed=2))


@pytest.mark.parametrize("field,value", [("next", "fifty"), ("epoch", None)])
def test_a_mark_that_cannot_be_read(make_market, field, value):
    market, daemon = begun(make_market, mixed(50))
    key = market.key(f"orderd:mark:{market.source}:0")
    market.redis.hset(key, field, value) if value else market.redis.hdel(key, field)
    command = refused_at_start(daemon, "the mark .* cannot be read")
    resolve(market, command, "--adopt")
    goes_on(market, daemon.start(), mixed(50, seed=2), incarnations=2)


def test_a_deleted_mark(make_market):
    market, daemon = begun(make_market, mixed(50))
    market.redis.delete(market.key(f"orderd:mark:{market.source}:0"))
    command = refused_at_start(daemon, "the mark .* is missing")
    assert "goes on at offset 50" in resolve(market, command, "--adopt")
    goes_on(market, daemon.start(), mixed(50, seed=2), incarnations=2)


def test_a_deleted_registry(make_market):
    market, daemon = begun(make_market, mixed(50))
    market.redis.delete(market.key("orderd:meta"))
    command = refused_at_start(daemon, "the registry .* is missing while")
    assert "goes on at offset 50" in resolve(market, command, "--adopt")
    goes_on(market, daemon.start(), mixed(50, seed=2), incarnations=2)


def test_everything_in_redis_deleted(make_market, own_redis):
    market, daemon = begun(make_market, mixed(50), server=own_redis())
    market.redis.flushall()
    command = refused_at_start(daemon, "the registry .* is missing while kafka has outcomes")
    assert "goes on at offset 50" in resolve(market, command, "--adopt")
    goes_on(market, daemon.start(), mixed(50, seed=2), incarnations=2)


def test_events_deleted_before_they_were_decided(make_market):
    market, daemon = begun(make_market, mixed(50))
    market.send_all(mixed(20, seed=2, again=0))
    market.broker.delete_records(market.source, 0, 65)
    command = refused_at_start(daemon, "the log starts at offset 65, above the next offset 50: offsets 50 to 64 were deleted")
    said = resolve(market, command, f"--accept-gap {market.source}:0")
    assert "offsets 50 to 64 were deleted before they were decided and are passed over" in said
    daemon.start()
    until(lambda: not Audit(market).unsettled(), 30, lambda: Audit(market).unsettled())
    assert [o.offset for o in map(Outcome, market.broker.read(market.outcome_topic))] == [*range(50), *range(65, 70)]
    assert daemon.stop() == 0
    daemon.start().wait_for("took over")


@pytest.mark.parametrize("events,found", [(20, "the log ends at offset 20, below the next offset 50"), (80, "offset 49 is not the one that was decided")])
def test_a_recreated_topic(make_market, events, found):
    market, daemon = begun(make_market, mixed(50))
    market.broker.delete_topic(market.source)
    market.broker.topic(name=market.source)
    market.send_all(mixed(events, seed=2, again=0))
    command = refused_at_start(daemon, found)
    assert "goes on at offset 0: the start of its log" in resolve(market, command, "--adopt")
    daemon.start()
    until(lambda: not Audit(market).unsettled(), 30, lambda: Audit(market).unsettled())
    first, second = split(market)
    assert [o.offset for o in first] == [*range(50)] and [o.offset for o in second] == [*range(events)]
    assert first[0].identity[0] != second[0].identity[0]


def split(market):
    """The outcomes of the first incarnation and those of all others, in the order in which they came."""
    outcomes = [Outcome(record) for record in market.broker.read(market.outcome_topic)]
    return [[o for o in outcomes if (o.identity[0] == outcomes[0].identity[0]) == first] for first in (True, False)]


def test_more_partitions_than_registered(make_market):
    market, daemon = begun(make_market, mixed(50))
    market.broker.add_partitions(market.source, 2)
    market.partitions = 2
    command = refused_at_start(daemon, "the outcome topic .* has 1 partitions, a source has 2")
    assert "--create-topics" in command and run(command).returncode == 0
    command = refused_at_start(daemon, "has 2 partitions, 1 are registered")
    resolve(market, command, "--accept-repartition")
    daemon.start()
    goes_on(market, daemon, mixed(50, 2, seed=2))


def test_a_topic_added_to_the_file(make_market):
    market, daemon = begun(make_market, mixed(50))
    added = market.broker.topic("more")
    market.sources.append(added)
    market.send_all(mixed(30, seed=2), topic=added)
    daemon.configure(kafka__topics=market.sources)
    command = refused_at_start(daemon, f"topic {added} is configured and not in the registry")
    resolve(market, command, f"--add-topic {added}")
    goes_on(market, daemon.start(), mixed(50, seed=3))


def test_a_topic_dropped_from_the_file(make_market):
    market, daemon = begun(make_market, mixed(50), sources=2)
    daemon.configure(kafka__topics=market.sources[:1])
    command = refused_at_start(daemon, f"topic {market.sources[1]} is in the registry and not configured")
    resolve(market, command, f"--drop-topic {market.sources[1]}")
    market.sources.pop()
    goes_on(market, daemon.start(), mixed(50, seed=3))


def test_another_group(make_market):
    market, daemon = begun(make_market, mixed(50))
    market.group = f"{market.group}-b"
    daemon.configure(kafka__group=market.group)
    command = refused_at_start(daemon, "the registry belongs to group")
    assert "goes on at offset 50" in resolve(market, command, "--adopt")
    goes_on(market, daemon.start(), mixed(50, seed=2), incarnations=2)


def test_another_kafka_cluster(make_market):
    market, daemon = begun(make_market, mixed(50))
    market.redis.hset(market.key("orderd:meta"), "cluster", "another")
    command = refused_at_start(daemon, "the registry belongs to Kafka cluster another")
    assert "goes on at offset 50" in resolve(market, command, "--adopt")
    goes_on(market, daemon.start(), mixed(50, seed=2), incarnations=2)


@pytest.mark.parametrize("first,second", [("none", "partition"), ("partition", "none")])
def test_another_form_of_shard_has_no_command(make_market, first, second):
    market, daemon = begun(make_market, mixed(50), settings={**SHORT_SESSION, "shard": first})
    daemon.configure(shard=second)
    assert refused_at_start(daemon, f'was made with shard = "{first}".*a new redis.prefix') is None


def test_a_third_incarnation_means_that_redis_is_from_before_a_resolution(make_market):
    market, daemon = begun(make_market, mixed(50))
    market.redis.hset(market.key("orderd:meta"), "incarnation", str(uuid.uuid4()))
    command = refused_at_start(daemon, "kafka shows incarnation")
    assert "rollback" in market.meta()["halt"]
    resolve(market, command, "--accept-rollback")
    assert "halt" not in market.meta()
    goes_on(market, daemon.start(), mixed(50, seed=2), incarnations=2)


def test_a_registry_that_cannot_be_read(make_market):
    market, daemon = begun(make_market, mixed(50))
    market.redis.hset(market.key("orderd:meta"), "schema", "2")
    command = refused_at_start(daemon, "cannot be read")
    resolve(market, command, "--adopt")
    goes_on(market, daemon.start(), mixed(50, seed=2), incarnations=2)


def test_topics_that_are_missing(make_market):
    market = make_market()
    daemon = market.make(kafka__dead_letters=f"{market.dead_letter_topic}-b")
    command = refused_at_start(daemon, "topic .* does not exist")
    assert "--create-topics" in command and run(command).returncode == 0
    market.dead_letter_topic += "-b"
    market.start_state()
    goes_on(market, daemon.start(), mixed(50))


def test_a_dead_letter_topic_that_takes_too_little_has_no_command(make_market):
    market = make_market()
    daemon = market.make(kafka__dead_letters=market.broker.topic("letters"))
    assert refused_at_start(daemon, "the dead-letter topic .* at least .* would be right") is None


def test_nothing_is_resolved_that_is_not_there(make_market):
    market, daemon = begun(make_market, mixed(50))
    before = market.meta()
    for option in (["--accept-rollback"], ["--accept-loss", f"{market.source}:0"], ["--accept-gap", f"{market.source}:0"],
                   ["--accept-loss", f"{market.source}:7"], ["--add-topic", market.source], ["--drop-topic", market.source]):
        assert daemon.command("init", *option).returncode == 78, option
    assert market.meta() == before


def test_a_dry_run_changes_nothing(make_market):
    market, daemon = begun(make_market, mixed(50))
    market.redis.delete(market.key("orderd:outbox"))
    command = refused_at_start(daemon, "the outbox .* is missing")
    before = market.meta(), market.mark()
    assert run(command + " --dry-run").returncode == 0
    assert (market.meta(), market.mark()) == before and not market.redis.exists(market.key("orderd:outbox"))
