"""kill -9 between each pair of steps of a turn: EXEC, its reply, publishing, removal from the outbox, commit."""
import pytest

from faults import SHORT_SESSION, NoReplies, Relay
from load import Feeder, mixed
from process import until


def outbox(market):
    return market.redis.xlen(market.key("orderd:outbox"))


def committed(market):
    return sum(offset or 0 for offset, _ in market.broker.committed(market.group, market.source).values())


def told(market):
    return sum(market.broker.ends(market.outcome_topic).values())


def applied(market):
    return sum(int(market.mark(p).get("next", 0)) for p in range(market.partitions))


@pytest.fixture
def relayed(make_market, own_redis):
    """A market whose daemons reach Redis through a relay, and the relay."""
    server = own_redis(tcp=True)
    with Relay(server.port) as relay:
        yield make_market(server=server, partitions=2, settings={**SHORT_SESSION, "redis.address": relay.address}), relay


def test_many_kills_under_load(make_market):
    market = make_market(partitions=3, settings=SHORT_SESSION)
    daemon = market.daemon(turn__events=50)
    with Feeder(market, 3, count=30000) as feeder:
        for _ in range(6):
            feeder.ahead(700)
            daemon.kill()
            daemon.start(wait=False)
        feeder.ahead(300)
    market.outcomes(timeout=60, alive=[daemon])
    market.audit()


@pytest.mark.parametrize("how", ["mute", "cut", "late"])
def test_killed_with_exec_on_its_way(relayed, how):
    market, relay = relayed
    daemon = market.daemon()
    market.send_all(mixed(500, 2))
    market.outcomes(alive=[daemon])
    relay.strike(how, b"EXEC")
    market.send_all(mixed(500, 2, seed=2))
    until(lambda: relay.struck, 20, "no EXEC came by")
    daemon.kill()
    daemon.start()
    if how == "late":
        daemon.wait_for("took over", count=2)
        relay.release()
    market.outcomes(alive=[daemon])
    market.audit()


def test_killed_after_exec_before_anything_is_delivered(make_market):
    market = make_market(partitions=2, settings=SHORT_SESSION)
    daemon = market.daemon(turn__events=50)
    market.send_all(mixed(2000, 2))
    until(lambda: applied(market), 20, "nothing is applied")
    with NoReplies(market.broker.port):
        until(lambda: outbox(market), 20, "the outbox stays empty")
        daemon.kill()
    assert outbox(market)
    daemon.start()
    market.outcomes(alive=[daemon])
    market.audit()


def test_killed_after_delivery_before_removal_from_the_outbox(make_market):
    market = make_market(settings=SHORT_SESSION)
    daemon = market.daemon(outbox__idle_ms=10000)
    market.send_all(mixed(50))
    market.outcomes(alive=[daemon])
    daemon.kill()
    assert outbox(market)
    daemon.start()
    assert market.audit().counts["copies"] >= 1


def test_killed_after_removal_before_the_commit(make_market):
    market = make_market(settings=SHORT_SESSION)
    daemon = market.daemon(commit__interval_ms=60000)
    market.send_all(mixed(50))
    market.outcomes(alive=[daemon])
    until(lambda: not outbox(market), 20, "the outbox is not emptied")
    daemon.kill()
    assert committed(market) == 0
    daemon.start()
    assert market.audit().counts["copies"] == 0


def test_killed_in_the_middle_of_taking_over(relayed):
    market, relay = relayed
    daemon = market.daemon()
    with Feeder(market, 2, count=30000) as feeder:
        feeder.ahead(500)
        for request in (b"HSET", b"XRANGE", b"LRANGE"):
            daemon.kill()
            relay.strike("mute", request)
            daemon.start(wait=False)
            until(lambda: not relay.armed, 20, f"no {request} came by")
        daemon.kill()
        daemon.start()
        feeder.ahead(500)
    market.outcomes(alive=[daemon])
    market.audit()
