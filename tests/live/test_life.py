"""Signals, restarts, and the servers going away and coming back."""
import re
import signal

import pytest

from daemon import SHORT_SESSION
from load import Feeder
from market import deposit


def committed(market):
    return {p: offset or 0 for p, (offset, _) in market.broker.committed(market.group, market.source).items()}


def told(market):
    """{partition: the offset after the last outcome}"""
    ends = {p: 0 for p in range(market.partitions)}
    for record in market.broker.read(market.outcome_topic):
        ends[record.partition] = max(ends[record.partition], 1 + int(dict(record.headers)["ce_id"].rpartition(b"/")[2]))
    return ends


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_stop_under_load_ends_with_0_has_committed_what_was_told_and_a_restart_goes_on(make_market, number):
    market = make_market(partitions=3)
    daemon = market.daemon(turn__events=20)
    with Feeder(market, 3) as feeder:
        feeder.ahead(3000)
        daemon.signal(number)
        assert daemon.wait_exit() == 0
        feeder.ahead(500)
    assert committed(market) == told(market)
    assert sum(committed(market).values()) < len(market.sent)
    assert market.redis.xlen(market.key("orderd:outbox")) == 0
    daemon.start()
    market.outcomes(timeout=60, alive=[daemon])
    assert market.audit().counts["copies"] == 0


def test_sighup_with_a_good_file_changes_the_log_level_and_names_what_needs_a_restart(market):
    daemon = market.daemon()
    daemon.configure(log__level="warning", dedupe__ids=5)
    daemon.reload()
    daemon.wait_for(r"warning a changed setting needs a restart setting=dedupe\.ids")
    market.play([deposit("a", 1)])
    daemon.configure(log__level="notice")
    daemon.reload()
    daemon.wait_for("notice configuration reloaded")
    assert daemon.log().count("configuration reloaded") == 1, "the first reload lowered the level before it could be said"
    market.audit()


def test_sighup_with_a_bad_file_keeps_the_old_one_and_says_so(market):
    daemon = market.daemon()
    daemon.configure(log__level="chatty", turn__events=0)
    daemon.reload()
    daemon.wait_for(r"refused, the old one stays .*problems=2")
    assert re.search(r"orderd\.conf:\d+: .*log\.level", daemon.log()) and re.search(r"orderd\.conf:\d+: .*turn\.events", daemon.log())
    market.play([deposit("a", 1)])
    market.audit()


@pytest.mark.parametrize("end", ["stop", "kill"])
def test_redis_with_an_append_only_file_restarts_under_load(make_market, own_redis, end):
    market = make_market(server=own_redis(appendonly="yes", appendfsync="always"), partitions=2, settings={"redis.durability": "aof"})
    daemon = market.daemon()
    with Feeder(market, 2) as feeder:
        feeder.ahead(2000)
        getattr(market.server, end)()
        feeder.ahead(500)
        market.server.start()
        feeder.ahead(2000)
    market.outcomes(timeout=60, alive=[daemon])
    market.audit()
    assert "redis is away" in daemon.log()


def test_a_frozen_redis_is_waited_for(make_market, own_redis):
    market = make_market(server=own_redis(), settings={"redis.command_timeout_ms": 1000})
    daemon = market.daemon()
    with Feeder(market) as feeder:
        feeder.ahead(1000)
        market.server.freeze()
        daemon.wait_for("redis is away")
        market.server.thaw()
        feeder.ahead(1000)
    market.outcomes(timeout=60, alive=[daemon])
    market.audit()


def test_kill_9_under_load_and_a_restart(make_market):
    market = make_market(partitions=3)
    daemon = market.daemon(turn__events=50, **SHORT_SESSION)
    with Feeder(market, 3) as feeder:
        for _ in range(3):
            feeder.ahead(1000)
            daemon.kill()
            daemon.start()
        feeder.ahead(1000)
    market.outcomes(timeout=90, alive=[daemon])
    market.audit()


def test_kafka_restarts_under_load(own_broker, make_market):
    market = make_market(broker=own_broker, partitions=2)
    daemon = market.daemon()
    with Feeder(market, 2) as feeder:
        feeder.ahead(2000)
        own_broker.restart()
        feeder.ahead(2000)
        own_broker.kill()
        own_broker.start()
        feeder.ahead(2000)
    market.outcomes(timeout=90, alive=[daemon])
    market.audit(timeout=60)
    assert daemon.stop() == 0


def test_redis_away_at_start_is_waited_for(make_market, own_redis):
    market = make_market(server=own_redis())
    market.start_state()
    market.server.stop()
    daemon = market.make().start(wait=False)
    daemon.wait_for("redis is away")
    market.server.start()
    daemon.wait_for("running group=")
    market.play([deposit("a", 1)])
    market.audit()


def test_kafka_away_at_start_is_waited_for(own_broker, make_market):
    market = make_market(broker=own_broker)
    market.start_state()
    own_broker.stop()
    daemon = market.make().start(wait=False)
    daemon.wait_for("kafka does not answer")
    own_broker.start()
    daemon.wait_for("running group=", 30)
    market.play([deposit("a", 1)])
    market.audit()
