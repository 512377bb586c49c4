"""What Redis has not confirmed to keep is not published (DESIGN 4.6)."""
import time

import pytest

from faults import SHORT_SESSION
from load import Feeder, mixed
from market import deposit
from process import until


def told(market):
    return sum(market.broker.ends(market.outcome_topic).values())


def applied(market):
    return sum(int(market.mark(p)["next"]) for p in range(market.partitions))


def nothing_is_told_for(seconds, market):
    before, end = told(market), time.monotonic() + seconds
    while time.monotonic() < end:
        assert told(market) == before, "an outcome left"
        time.sleep(0.05)


@pytest.fixture
def replicated(make_market, own_redis):
    master = own_redis(tcp=True, repl_diskless_sync_delay="0")
    replica = master.replica()
    yield make_market(server=master, partitions=2, settings={**SHORT_SESSION, "redis.durability": "replicas:1"}), replica
    replica.kill()


def test_with_a_replica_outcomes_flow_and_with_a_frozen_one_they_wait(replicated):
    market, replica = replicated
    daemon = market.daemon()
    market.send_all(mixed(1000, 2))
    market.outcomes(alive=[daemon])
    market.audit()
    replica.freeze()
    before = applied(market)
    market.send_all(mixed(1000, 2, seed=2))
    daemon.wait_for("not yet as durable as configured")
    nothing_is_told_for(2, market)
    assert before < applied(market) < before + 1000, "one turn is applied and waits, the others are not taken"
    replica.thaw()
    market.outcomes(alive=[daemon])
    market.audit()


def test_killed_while_the_replica_is_frozen_the_next_owner_waits_too(replicated):
    market, replica = replicated
    daemon = market.daemon()
    market.send_all(mixed(100, 2))
    market.outcomes(alive=[daemon])
    market.audit()
    replica.freeze()
    market.send_all(mixed(100, 2, seed=2))
    daemon.wait_for("not yet as durable as configured")
    daemon.kill()
    daemon.start(wait=False)
    daemon.wait_for("assigned by the group")
    nothing_is_told_for(2, market)
    replica.thaw()
    market.outcomes(alive=[daemon])
    market.audit()


def test_without_any_replica_nothing_leaves_until_there_is_one(make_market, own_redis):
    master = own_redis(tcp=True, repl_diskless_sync_delay="0")
    market = make_market(server=master, settings={**SHORT_SESSION, "redis.durability": "replicas:1"})
    daemon = market.daemon()
    market.send(deposit("a", 1))
    nothing_is_told_for(2, market)
    replica = master.replica()
    try:
        market.outcomes(alive=[daemon])
        market.audit()
    finally:
        replica.kill()


def waitaof(server):
    return tuple(map(int, server.client().info("server")["redis_version"].split(".")[:2])) >= (7, 2)


def test_aof_with_fsync_always_is_taken(make_market, own_redis):
    market = make_market(server=own_redis(appendonly="yes", appendfsync="always"), settings={"redis.durability": "aof"})
    market.daemon()
    market.send_all(mixed(500))
    market.outcomes()
    market.audit()


@pytest.mark.parametrize("options", [{"appendonly": "no"}, {"appendonly": "yes", "appendfsync": "everysec"},
                                     {"appendonly": "yes", "appendfsync": "always", "no_appendfsync_on_rewrite": "yes"}])
def test_aof_is_refused_at_start_where_the_server_cannot_give_it(make_market, own_redis, options):
    server = own_redis(**options)
    daemon = make_market(server=server, settings={"redis.durability": "aof"}).make().start(wait=False)
    if waitaof(server) and options["appendonly"] == "yes":
        daemon.wait_for("running group=")
        return
    assert daemon.wait_exit() == 78
    for needed in ("appendonly yes", "appendfsync always", "no-appendfsync-on-rewrite no"):
        assert needed in daemon.log()


def test_fsync_lowered_at_run_time_stops_outcomes_until_it_is_raised(make_market, own_redis):
    server = own_redis(appendonly="yes", appendfsync="always")
    market = make_market(server=server, settings={"redis.durability": "aof"})
    daemon = market.daemon()
    with Feeder(market, count=6000, chunk=10) as feeder:
        feeder.ahead(300)
        # WAITAOF sees for itself what is on disk; without it the settings are what the daemon has to go by.
        market.redis.config_set("appendfsync", "no" if waitaof(server) else "everysec")
        daemon.wait_for("not yet as durable as configured" if waitaof(server) else "needs appendonly yes, appendfsync always", 90)
        nothing_is_told_for(2, market)
        market.redis.config_set("appendfsync", "always")
        feeder.ahead(100)
    market.outcomes(timeout=60, alive=[daemon])
    market.audit()
