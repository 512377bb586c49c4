"""/metrics of a daemon that works on a real Kafka and a real Redis: what it counts is what was sent."""
import shutil
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest

from market import deposit, event, grant, list_, purchase, reserve, restock
from process import start, until
from web import served

WRITER = Path(__file__).resolve().parent / "foreign_writer.py"


def test_what_is_counted_is_what_was_sent(make_market):
    market = make_market(partitions=2)
    daemon, web = served(market)
    events = [deposit("27", 500), grant("17", "lamp"), list_("17", "lamp", 97), purchase("27", "17", "lamp", 97), purchase("27", "17", "lamp", 97),
              restock("7001", 2), *[reserve("7001", 1, f"b{i}") for i in range(5)], b"{", b'{"id":"x","type":"barter"}']
    again = deposit("27", 1)
    market.play([*events, again, again])
    known = {"deposit", "grant", "list", "purchase", "restock", "reserve"}
    wanted = Counter((o.value["type"] if o.value.get("type") in known else "unknown", o.status) for o in market.outcomes())
    reasons = Counter(o.reason for o in market.outcomes() if o.reason)
    metrics = until(lambda: settled(web, len(market.sent)), 10, "not all is delivered and committed")
    assert {(dict(k)["type"], dict(k)["outcome"]): n for k, n in metrics.series("orderd_events_total").items() if n} == wanted
    assert {dict(k)["reason"]: n for k, n in metrics.series("orderd_event_reasons_total").items() if n} == reasons
    assert {dict(k)["reason"]: n for k, n in metrics.series("orderd_dead_letters_total").items() if n} == {"not_json": 1, "unknown_type": 1}
    assert metrics.sum("orderd_events_consumed_total") == len(market.sent) == metrics.get("orderd_end_to_end_seconds_count")
    assert metrics.get("orderd_turn_events_sum") == len(market.sent)
    assert metrics.get("orderd_execs_total") == metrics.get("orderd_transaction_duration_seconds_count") >= 1
    assert metrics.get("orderd_exec_conflicts_total") == metrics.get("orderd_outcome_delivery_failures_total") == 0
    assert abs(metrics.get("orderd_last_commit_timestamp_seconds") - time.time()) < 60
    assert metrics.get("orderd_ready") == metrics.get("orderd_live") == metrics.get("orderd_redis_up") == metrics.get("orderd_kafka_up") == 1
    assert daemon.stop() == 0


def settled(web, count):
    """The scrape in which everything is delivered and committed; None: not yet."""
    metrics = web.metrics()
    if metrics.sum("orderd_end_to_end_seconds_count") < count or metrics.series("orderd_oldest_unfinished_timestamp_seconds"):
        return None
    done = metrics.series("orderd_partition_next_offset") == metrics.series("orderd_partition_committed_offset")
    return metrics if done and not metrics.sum("orderd_consumer_lag_messages") else None


@pytest.mark.skipif(not shutil.which("promtool"), reason="promtool is not installed (package prometheus)")
def test_promtool_finds_nothing_to_say(market):
    _, web = served(market)
    market.play([deposit("27", 1), b"{"])
    until(lambda: settled(web, 2), 10, "not delivered")
    checked = subprocess.run(["promtool", "check", "metrics"], input=web.metrics().text, capture_output=True, text=True)
    assert (checked.returncode, checked.stdout, checked.stderr) == (0, "", "")


def test_lag_grows_while_redis_is_away_and_falls_to_nothing(make_market, own_redis):
    server = own_redis(appendonly="yes")
    market = make_market(server=server)
    _, web = served(market)
    market.play([deposit("27", 1)])
    until(lambda: web.metrics().get("orderd_consumer_lag_messages", topic=market.source, partition=0) == 0, 10, "no lag of 0")
    server.kill()
    until(lambda: web.metrics().get("orderd_redis_up") == 0, 10, "Redis is not seen to be away")
    market.send_all([deposit("27", 1) for _ in range(30)])
    place = {"topic": market.source, "partition": 0}
    until(lambda: web.metrics().get("orderd_consumer_lag_messages", **place) == 30, 15, "no lag of 30")
    until(lambda: web.metrics().get("orderd_consumer_lag_seconds", **place) >= 1, 10, "the lag does not grow older")
    assert time.time() - web.metrics().get("orderd_oldest_unfinished_timestamp_seconds", **place) >= 1
    assert web.metrics().get("orderd_partitions", state="untaken") == 1
    server.start()
    market.outcomes()
    until(lambda: settled(web, 1), 20, "the lag does not end")
    assert web.metrics().get("orderd_consumer_lag_seconds", **place) == 0 and web.metrics().get("orderd_redis_connects_total") == 1


def test_lag_of_a_refused_partition_goes_on_and_one_of_a_partition_that_left_is_gone(make_market):
    market = make_market(partitions=2)
    daemon, web = served(market)
    market.send_all([deposit("27", 1)], partition=0)
    market.send_all([deposit("27", 1)], partition=1)
    market.outcomes()
    market.redis.hset(market.key(f"orderd:mark:{market.source}:1"), "torn", "1")      # an operator must look at it
    until(lambda: web.metrics().get("orderd_partition_state", topic=market.source, partition=1, state="stopped") == 1, 15, "not refused")
    sent = time.time()
    market.broker.send_all(market.source, [r._replace(partition=1) for r in records(7)])
    stopped = {"topic": market.source, "partition": 1}
    until(lambda: web.metrics().get("orderd_consumer_lag_messages", **stopped) == 7, 25, "the lag stands still")
    until(lambda: web.metrics().get("orderd_consumer_lag_seconds", **stopped) > 1, 15, "the lag does not grow older")
    assert web.metrics().get("orderd_consumer_lag_seconds", **stopped) <= time.time() - sent + 0.1
    status, checks = web.health("readyz")
    assert status == 200 and checks["partitions"][0] == "degraded" and f"{market.source}:1" in checks["partitions"][1]
    market.redis.hdel(market.key(f"orderd:mark:{market.source}:1"), "torn")
    other, second = served(market)
    until(lambda: len(web.metrics().series("orderd_consumer_lag_messages")) == 1, 30, "nothing was given to the other instance")
    until(lambda: len(second.metrics().series("orderd_consumer_lag_messages")) == 1, 30, "the other instance has nothing")
    mine, others = (set(w.metrics().series("orderd_partition_next_offset")) for w in (web, second))
    assert mine | others == {(("partition", "0"), ("topic", market.source)), (("partition", "1"), ("topic", market.source))} and not mine & others
    assert {key for name in web.metrics().samples for key in web.metrics().series(name, topic=market.source)}
    for name, series in web.metrics().samples.items():
        partitions = {dict(key)["partition"] for key in series if "partition" in dict(key)}
        assert len(partitions) <= 1, f"{name} still shows {partitions}"
    assert daemon.stop() == 0 and other.stop() == 0


def records(count):
    from broker import Record
    from market import encode
    return [Record(0, None, None, encode(deposit("27", 1)), None, 0) for _ in range(count)]


def test_a_flash_sale_shows_its_sku_as_hot(market):
    _, web = served(market)
    market.play([restock("7001", 100000)])
    end = time.monotonic() + 30
    while time.monotonic() < end:
        market.play([reserve("7001", 1, f"b{i}") for i in range(20)])
        if web.metrics().get("orderd_hot_key_writes_per_second", key="stock:7001"):
            break
    metrics = web.metrics()
    assert metrics.get("orderd_hot_key_writes_per_second", key="stock:7001") >= 1
    assert len(metrics.series("orderd_hot_key_writes_per_second")) <= 10


def test_a_foreign_writers_conflicts_are_blamed_on_its_key(market):
    market.redis.hset(market.key("users:27"), "funds", 1000000)
    market.redis.sadd(market.key("inventory:17"), "lamp")
    _, web = served(market)
    writer = start([sys.executable, WRITER, market.server.address, "0", market.key("market:"), "foreign", "0.2"], stdout=subprocess.PIPE, text=True)
    try:
        end = time.monotonic() + 40
        while time.monotonic() < end:
            market.play([event("list", seller="17", item="lamp", price=97), event("unlist", seller="17", item="lamp"), deposit("27", 1)] * 5)
            if web.metrics().get("orderd_hot_key_conflicts_per_second", key="market:"):
                break
    finally:
        writer.terminate()
        writer.communicate(timeout=90)
    metrics = web.metrics()
    assert metrics.get("orderd_hot_key_conflicts_per_second", key="market:") > 0
    assert metrics.get("orderd_hot_key_conflicts_per_second", key="users:27") is None
    assert metrics.get("orderd_exec_conflicts_total") > 0 and metrics.get("orderd_exec_retries_total") >= metrics.get("orderd_exec_conflicts_total")
