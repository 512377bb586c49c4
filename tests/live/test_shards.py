"""shard = "partition": a market of its own under the hash tag of each source partition."""
from broker import Record
from daemon import SHORT_SESSION
from load import mixed
from market import deposit, encode


def test_each_partition_has_a_market_of_its_own(make_market):
    market = make_market(partitions=3, settings={"shard": "partition"})
    daemon = market.daemon()
    market.send_all([Record(p, None, None, encode(deposit("u", 10 + p)), None, 0) for p in range(3)])
    market.outcomes()
    assert [market.funds("u", p) for p in range(3)] == [10, 11, 12]
    keys = set(market.redis.scan_iter(match=market.prefix + "*"))
    assert {f"{market.prefix}{{{p}}}orderd:meta" for p in range(3)} < keys
    assert all(key.startswith(tuple(f"{market.prefix}{{{p}}}" for p in range(3))) for key in keys)
    assert len({market.meta(p)["incarnation"] for p in range(3)}) == 3
    market.audit()
    assert daemon.stop() == 0


def test_the_audit_of_every_shard_balances_across_a_kill(make_market):
    market = make_market(partitions=3, settings={"shard": "partition", "turn.events": 50, **SHORT_SESSION})
    daemon = market.daemon()
    market.send_all(mixed(6000, 3))
    market.outcomes(500)
    daemon.kill()
    daemon.start()
    market.outcomes(timeout=60, alive=[daemon])
    market.audit()


def test_equal_numbers_of_all_topics_share_a_market(make_market):
    market = make_market(partitions=2, sources=2, settings={"shard": "partition"})
    market.daemon()
    for topic in market.sources:
        market.send_all([Record(p, None, None, encode(deposit("u", 1 + p)), None, 0) for p in range(2)], topic)
    market.outcomes()
    assert [market.funds("u", p) for p in range(2)] == [2, 4]
    market.audit()


def test_a_change_of_shard_is_refused_both_ways(make_market):
    for first, then in (("none", "partition"), ("partition", "none")):
        market = make_market(settings={"shard": first})
        daemon = market.daemon()
        market.play([deposit("u", 1)])
        assert daemon.stop() == 0
        daemon.configure(shard=then)
        daemon.start(wait=False)
        assert daemon.wait_exit() == 78
        assert f'shard = "{first}"' in daemon.log()
        assert market.redis.hexists(market.key("orderd:meta", 0), "incarnation")
