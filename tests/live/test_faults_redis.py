"""Redis refusing, frozen, cut off, losing replies: events wait, it is said, nothing is lost or done twice."""
import time

import pytest
import redis

from faults import SHORT_SESSION, Relay
from load import Feeder, mixed
from market import deposit, restock
from process import until


def next_of(market):
    return sum(int(market.mark(p)["next"]) for p in range(market.partitions))


def stands_still(market):
    """Events are waiting, and none is decided any more."""
    until(lambda: not moved(market), 20, "events are still decided")
    assert next_of(market) < len(market.sent)


def moved(market):
    before = next_of(market)
    time.sleep(0.5)
    return next_of(market) != before


@pytest.fixture
def fed(make_market, own_redis):
    """fed(**redis.conf settings): a market under load on a Redis of its own, its daemon, and the feeder."""
    feeders = []

    def make(settings=(), **options):
        market = make_market(server=own_redis(**options), partitions=2, settings={**SHORT_SESSION, **dict(settings)})
        daemon = market.daemon()
        feeders.append(Feeder(market, 2, count=8000, chunk=10).__enter__())
        feeders[0].ahead(500)
        return market, daemon, feeders[0]

    yield make
    for feeder in feeders:
        feeder.__exit__(True, None, None)


def goes_on(market, daemon, feeder):
    feeder.ahead(300)
    feeder.__exit__(None, None, None)
    market.outcomes(timeout=60, alive=[daemon])
    market.audit()


def test_memory_full_waits_until_there_is_room(fed):
    market, daemon, feeder = fed(maxmemory_policy="noeviction")
    market.redis.config_set("maxmemory", 1000000)
    daemon.wait_for("OOM")
    stands_still(market)
    market.redis.config_set("maxmemory", 0)
    goes_on(market, daemon, feeder)


def test_a_failed_snapshot_waits_until_writes_are_taken_again(fed):
    market, daemon, feeder = fed(enable_protected_configs="yes", save="3600 1000000000")
    directory = market.redis.config_get("dir")["dir"]
    market.redis.config_set("dir", "/proc")
    market.redis.bgsave()
    daemon.wait_for("MISCONF")
    stands_still(market)
    market.redis.config_set("dir", directory)
    until(lambda: market.redis.info("persistence")["rdb_bgsave_in_progress"] == 0, 10, "a snapshot is going on")
    market.redis.bgsave()
    goes_on(market, daemon, feeder)


def test_a_master_made_a_replica_waits_until_it_is_master_again(fed, own_redis):
    market, daemon, feeder = fed()
    market.redis.config_set("replica-serve-stale-data", "yes")
    market.redis.replicaof("127.0.0.1", "1")
    daemon.wait_for("READONLY|not a master")
    stands_still(market)
    market.redis.replicaof("NO", "ONE")
    goes_on(market, daemon, feeder)


def test_too_few_replicas_for_redis_itself_waits(fed):
    market, daemon, feeder = fed()
    market.redis.config_set("min-replicas-to-write", 1)
    daemon.wait_for("NOREPLICAS")
    stands_still(market)
    market.redis.config_set("min-replicas-to-write", 0)
    goes_on(market, daemon, feeder)


def test_a_long_script_waits(fed):
    market, daemon, feeder = fed(busy_reply_threshold="100")
    loop = "local n = 0 while not redis.call('GET', 'never') do n = n + 1 end"
    with market.server.client(socket_timeout=0.05) as client, pytest.raises((redis.exceptions.TimeoutError, redis.exceptions.ResponseError)):
        client.eval(loop, 0)        # a client that tries again by itself is told BUSY
    daemon.wait_for("BUSY")
    until(lambda: killed(market), 10, "the script cannot be ended")
    goes_on(market, daemon, feeder)


def killed(market):
    try:
        return market.redis.script_kill()
    except redis.exceptions.ResponseError as error:
        return "NOTBUSY" in str(error)


def test_its_connection_is_killed_again_and_again(fed):
    market, daemon, feeder = fed()
    for n in range(1, 6):
        mine = [c for c in market.redis.client_list() if c["name"] == "orderd"]
        until(lambda: market.redis.client_kill_filter(_type="normal", skipme=True), 5, "there is no connection")
        assert mine
        daemon.wait_for("redis is there", count=1 + n)
        feeder.ahead(200)
    goes_on(market, daemon, feeder)


def test_frozen_for_eight_seconds_it_stays_in_the_group(fed):
    market, daemon, feeder = fed(settings={"redis.command_timeout_ms": 1000})
    market.server.freeze()
    daemon.wait_for("redis is away")
    end = time.monotonic() + 8
    until(lambda: time.monotonic() > end, 10, "")
    assert daemon.alive and "revoked" not in daemon.log()
    market.server.thaw()
    goes_on(market, daemon, feeder)


@pytest.mark.parametrize("rights", ["all", "no CLIENT KILL"])
def test_a_connection_lost_around_exec(make_market, own_redis, rights):
    server = own_redis(tcp=True)
    if rights != "all":
        server.client().acl_setuser("default", commands=["+@all", "-client|kill"], enabled=True)
    with Relay(server.port) as relay:
        market = make_market(server=server, partitions=2, settings={"redis.address": relay.address})
        daemon = market.daemon()
        daemon.wait_for("took over", count=2)
        for n, how in enumerate(("lost", "cut", "late", "lost", "late"), 1):
            relay.strike(how, b"EXEC")
            market.send_all(mixed(200, 2, seed=n))
            daemon.wait_for("took over", count=2 + 2 * n)
            if how == "late":
                relay.release()
            market.outcomes(alive=[daemon])
        assert relay.struck == 5
        market.audit()


def test_a_connection_lost_elsewhere_in_a_turn(make_market, own_redis):
    server = own_redis(tcp=True)
    with Relay(server.port) as relay:
        market = make_market(server=server, settings={"redis.address": relay.address})
        daemon = market.daemon()
        daemon.wait_for("took over")
        faults = [(how, request) for how in ("lost", "cut") for request in (b"WATCH", b"HMGET", b"XADD")]
        for n, (how, request) in enumerate(faults, 1):
            relay.strike(how, request)
            market.send_all(mixed(100, seed=n))
            daemon.wait_for("took over", count=1 + n)
        market.outcomes(alive=[daemon])
        market.audit()


def test_a_muted_connection_is_given_up_and_the_reply_does_not_count(make_market, own_redis):
    server = own_redis(tcp=True)
    with Relay(server.port) as relay:
        market = make_market(server=server, settings={"redis.address": relay.address, "redis.command_timeout_ms": 1000})
        daemon = market.daemon()
        daemon.wait_for("took over")
        relay.strike("mute", b"EXEC")
        market.play([deposit("a", 5), restock("s", 3)])
        daemon.wait_for("took over", count=2)
        market.audit()
        assert market.funds("a") == 5 and market.stock("s") == 3
