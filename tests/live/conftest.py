"""Fixtures of the live tests: one Kafka broker and one Redis for the whole run, a fresh market for every test.

Most tests wait most of their time, so tests/run.sh runs several workers side by side (pytest-xdist, --dist loadgroup); each worker is a
run of its own, with its own broker and Redis.
"""
import shutil
import tempfile

import pytest

from broker import Broker
from daemon import BINARY, Orderd
from market import Market
from redisserver import RedisServer


def pytest_configure(config):
    config.addinivalue_line("markers", "long: begins before the others, which then run beside it")
    config.addinivalue_line("markers", "xdist_group(name): one worker runs them all")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items):
    """What shares a market goes to one worker."""
    items.sort(key=lambda item: item.get_closest_marker("long") is None)
    for item in items:
        if {"lasting_market", "ground", "played"} & set(item.fixturenames):
            item.add_marker(pytest.mark.xdist_group(item.module.__name__))


@pytest.fixture(scope="session")
def broker():
    """The run's broker. A test that restarts it takes own_broker instead."""
    assert BINARY.exists(), f"{BINARY} is missing: build first, or set ORDERD_BINARY"
    directory = tempfile.mkdtemp(prefix="orderd-kafka-")
    broker = Broker(directory)
    try:
        yield broker.start()
    finally:
        broker.kill()
        shutil.rmtree(directory, ignore_errors=True)


@pytest.fixture
def own_broker(tmp_path):
    """A broker that the test may stop, kill and restart."""
    broker = Broker(tmp_path / "kafka")
    try:
        yield broker.start()
    finally:
        broker.kill()


@pytest.fixture(scope="session")
def redis_server():
    """The run's Redis, shared under prefixes. A test that restarts or reconfigures it takes own_redis instead."""
    directory = tempfile.mkdtemp(prefix="orderd-redis-")
    server = RedisServer(directory)
    try:
        yield server.start()
    finally:
        server.kill()
        shutil.rmtree(directory, ignore_errors=True)


@pytest.fixture
def own_redis(tmp_path):
    """own_redis(tcp=False, **redis.conf settings): a started server of the test's own; several may be made."""
    servers = []

    def make(**options):
        servers.append(RedisServer(tmp_path / f"redis{len(servers)}", **options))
        return servers[-1].start()

    yield make
    for server in servers:
        server.kill()


@pytest.fixture
def make_market(broker, redis_server, tmp_path):
    """make_market(partitions=1, server=…, broker=…, settings={…}): see market.Market."""
    markets = []

    def make(server=redis_server, broker=broker, **options):
        directory = tmp_path / f"market{len(markets)}"
        directory.mkdir()
        markets.append(Market(broker, server, directory, **options))
        return markets[-1]

    yield make
    for market in markets:
        market.close()
    Orderd.shown.clear()


@pytest.fixture
def market(make_market):
    """A market with one partition on the run's servers; no daemon yet."""
    return make_market()


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    """A failed test shows the end of every daemon's log."""
    report = (yield).get_result()
    if report.failed:
        for daemon in Orderd.shown:
            report.sections.append((f"{daemon.file} exit={daemon.exit_code}", daemon.tail()))


@pytest.fixture(scope="module")
def lasting_market(broker, redis_server, tmp_path_factory, request):
    """One market and a running daemon for a module's table of cases. A module's function prepare(market) puts keys there first."""
    market = Market(broker, redis_server, tmp_path_factory.mktemp("market"))
    getattr(request.module, "prepare", lambda _: None)(market)
    daemon = market.daemon()
    try:
        yield market
        assert daemon.alive
    finally:
        market.close()
