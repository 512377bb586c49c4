"""What Redis or Kafka lost under a running daemon: the partition stops, the others go on, the command mends it without a restart."""
import pytest

from audit import Audit
from faults import SHORT_SESSION
from load import mixed
from process import until
from refusals import goes_on, refused_at_run_time, resolve


@pytest.fixture
def running(make_market, own_redis):
    """running(): a market of two partitions that has decided some events, and its daemon, at rest."""
    def make(**options):
        market = make_market(partitions=2, settings=SHORT_SESSION, **options)
        daemon = market.daemon()
        market.send_all(mixed(60, 2, again=0))
        market.outcomes(alive=[daemon])
        market.audit()
        return market, daemon
    return make


def on(partition, records):
    return [record._replace(partition=partition) for record in records]


def next_of(market, partition):
    return int(market.mark(partition)["next"])


def goes_on_alone(market, partition, stopped):
    """One partition decides what comes; the stopped one nothing."""
    market.send_all(on(stopped, mixed(10, seed=5, again=0)))
    market.send_all(on(partition, mixed(10, seed=6, again=0)))
    end = market.broker.ends(market.source)[partition]
    until(lambda: next_of(market, partition) == end, 20, f"partition {partition} does not go on")
    assert market.mark(stopped).get("next") != str(market.broker.ends(market.source)[stopped])


@pytest.mark.parametrize("lost,found,option", [
    ("seen", "the seen list .* does not cover", "--accept-loss"),
    ("torn", "the mark .* is torn", "--accept-loss")])
def test_one_partition_stops_and_the_other_goes_on(running, lost, found, option):
    market, daemon = running()
    if lost == "seen":
        market.redis.delete(market.key(f"orderd:seen:{market.source}:0"))
    else:
        market.redis.hset(market.key(f"orderd:mark:{market.source}:0"), "torn", "1")
    market.send_all(on(0, mixed(5, seed=4, again=0)))
    command = refused_at_run_time(daemon, found)
    goes_on_alone(market, partition=1, stopped=0)
    resolve(market, command, f"{option} {market.source}:0")
    goes_on(market, daemon, mixed(20, 2, seed=2, again=0))


def test_a_deleted_mark_stops_its_partition(running):
    market, daemon = running()
    market.redis.delete(market.key(f"orderd:mark:{market.source}:0"))
    command = refused_at_run_time(daemon, "the mark .* is missing")
    goes_on_alone(market, partition=1, stopped=0)
    resolve(market, command, "--adopt")
    goes_on(market, daemon, mixed(20, 2, seed=2, again=0), incarnations=2)


def test_a_deleted_outbox_stops_every_partition(running):
    market, daemon = running()
    market.redis.delete(market.key("orderd:outbox"))
    market.send_all(mixed(20, 2, seed=4, again=0))
    command = refused_at_run_time(daemon, "the outbox .* is missing")
    resolve(market, command, "--accept-loss")
    goes_on(market, daemon, mixed(20, 2, seed=2, again=0))


@pytest.mark.parametrize("everything", [False, True], ids=["registry", "everything"])
def test_a_deleted_registry_stops_every_partition(running, own_redis, everything):
    market, daemon = running(server=own_redis())
    market.redis.flushall() if everything else market.redis.delete(market.key("orderd:meta"))
    command = refused_at_run_time(daemon, "the registry .* is missing")
    market.send_all(mixed(20, 2, seed=4, again=0))
    resolve(market, command, "--adopt")
    goes_on(market, daemon, mixed(20, 2, seed=2, again=0), incarnations=2)


def test_events_deleted_before_they_were_decided(running):
    market, daemon = running()
    daemon.freeze()
    at = next_of(market, 0)
    market.send_all(on(0, mixed(1, seed=3, malformed=0)))      # a fetch that was under way brings this one, and nothing behind it
    market.send_all(on(0, mixed(30, seed=4, again=0)))
    market.broker.delete_records(market.source, 0, at + 20)
    daemon.thaw()
    command = refused_at_run_time(daemon, f"the log starts at offset {at + 20}, above the next offset ({at}|{at + 1}):")
    goes_on_alone(market, partition=1, stopped=0)
    said = resolve(market, command, f"--accept-gap {market.source}:0")
    assert f"to {at + 19} were deleted before they were decided" in said
    until(lambda: not Audit(market).unsettled(), 20, lambda: f"{Audit(market).unsettled()}\n{daemon.tail()}")


def test_a_quarantined_event_is_decided_malformed(make_market):
    market = make_market(settings=SHORT_SESSION)
    daemon = market.daemon()
    market.send_all(mixed(20, again=0, malformed=0))
    market.outcomes(alive=[daemon])
    era = int(market.meta()["era"])
    assert daemon.command("init", "--quarantine", f"{market.source}:0:22").returncode == 0
    assert int(market.meta()["era"]) > era
    market.send_all(mixed(10, seed=2, again=0, malformed=0))
    verdicts = {o.offset: o.verdict for o in market.outcomes(alive=[daemon])}
    assert verdicts[22] == ("malformed", "quarantined") and list(verdicts.values()).count(("malformed", "quarantined")) == 1
    assert len(market.dead_letters()) == 1
    assert daemon.command("init", "--quarantine", f"{market.source}:0:5").returncode == 78
