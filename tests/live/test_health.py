"""/livez and /readyz through what goes wrong: neither says too much nor too little."""
import time

import pytest

from daemon import BINARY
from market import deposit
from process import free_port, until
from web import Web, served

HANG = BINARY.parents[1] / "tests" / "libhang.so"


def failed(web):
    """The names of what stands in the way, for /readyz."""
    return {name for name, (status, _) in web.health("readyz")[1].items() if status == "failed"}


def test_redis_away_is_not_ready_and_alive(make_market, own_redis):
    server = own_redis(appendonly="yes")
    market = make_market(server=server)
    _, web = served(market)
    market.play([deposit("27", 1)])
    assert until(web.ready, 10, "not ready") and failed(web) == set()
    server.kill()
    until(lambda: failed(web) >= {"redis"}, 10, "Redis is not missed")
    assert web.live() and server.address in web.health("readyz")[1]["redis"][1]
    server.start()
    until(web.ready, 20, "not ready again")


def test_kafka_away_is_not_ready_and_alive(make_market, own_broker):
    market = make_market(broker=own_broker)
    _, web = served(market)
    market.play([deposit("27", 1)])
    until(lambda: web.ready() and web.metrics().get("orderd_kafka_up") == 1, 10, "not ready")
    own_broker.kill()
    until(lambda: failed(web) == {"kafka"}, 15, lambda: f"Kafka is not missed, but {failed(web)}")
    assert web.live() and web.metrics().get("orderd_kafka_up") == 0 and own_broker.bootstrap in web.health("readyz")[1]["kafka"][1]
    own_broker.start()
    until(lambda: web.ready() and web.metrics().get("orderd_kafka_up") == 1, 30, lambda: f"not ready again: {web.health('readyz')}")
    market.play([deposit("27", 1)])


def test_a_start_without_redis_says_so_and_goes_on(make_market, own_redis):
    server = own_redis(appendonly="yes")
    market = make_market(server=server)
    market.start_state()
    server.kill()
    port = free_port()
    daemon, web = market.make(http__address=f"127.0.0.1:{port}").start(wait=False), Web(port)
    daemon.wait_for("metrics and health are served")
    status, checks = web.health("readyz")
    assert status == 503 and checks["phase"] == ("failed", "waits for Redis") and "kafka" not in checks
    assert web.live() and web.metrics().get("orderd_kafka_up") is None and web.metrics().get("orderd_redis_up") == 0
    server.start()
    until(web.ready, 30, "not ready")


def idle_of(*webs):
    """Those without a partition, when that is all but one."""
    idle = [web for web in webs if not web.metrics().series("orderd_partition_state")]
    return idle if len(idle) == len(webs) - 1 else None


def says_that_it_is_one(idle):
    """The group may give the partition to the other one a moment after it gave it to the first."""
    return idle and "standby" in (idle[0].health("readyz")[1]["group"][1] or "")


def test_a_standby_is_ready(market):
    daemon, web = served(market)
    until(web.ready, 10, "not ready")
    other, second = served(market)
    until(lambda: web.ready() and second.ready() and says_that_it_is_one(idle_of(web, second)), 30, "there is no standby, it is not ready or does not say what it is")
    assert daemon.stop() == other.stop() == 0


def test_a_halted_market_is_not_ready(market):
    _, web = served(market)
    market.play([deposit("27", 1)])
    market.redis.hset(market.key("orderd:meta"), "halt", "rollback: by hand")
    until(lambda: "market" in failed(web), 15, "the halt is not seen")
    assert web.live() and web.metrics().get("orderd_halted") == 1 and "by hand" in web.health("readyz")[1]["market"][1]
    market.redis.hdel(market.key("orderd:meta"), "halt")


@pytest.mark.long
def test_a_pipeline_that_hangs_is_not_alive(market, tmp_path):
    """It hangs in a send to Redis; the thread that answers does not."""
    assert HANG.exists(), f"{HANG} is missing: build first"
    hang, port = tmp_path / "hang", free_port()
    daemon = market.make(http__address=f"127.0.0.1:{port}").start(environment={"LD_PRELOAD": str(HANG), "ORDERD_HANG": str(hang)})
    web = Web(port)
    market.start_state()
    market.play([deposit("27", 1)])
    assert until(web.ready, 10, "not ready") and web.live()
    hang.touch()
    begun = time.time()
    until(lambda: not web.live(), 60, "a hanging pipeline is taken for one that lives")
    assert time.time() - begun >= 25 and not web.ready() and web.metrics().get("orderd_live") == 0
    assert web.metrics().get("orderd_last_progress_timestamp_seconds") <= begun + 5
    hang.unlink()
    until(web.ready, 20, "not ready again")
    market.play([deposit("27", 1)])
    assert daemon.stop() == 0


def test_it_is_said_in_the_way_of_kubernetes_too(market):
    _, web = served(market)
    until(web.ready, 10, "not ready")
    for which in ("livez", "readyz"):
        status, headers, text = web.get(f"/{which}?verbose")
        assert status == 200 and headers["content-type"] == "text/plain; charset=utf-8"
        assert "[+]pipeline ok" in text.splitlines() and text.splitlines()[-1] == f"{which} check passed"
