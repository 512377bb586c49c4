"""The faults, made for real. A scene sets up a market and yields while it is well; makes its fault and yields the alerts that this must
raise, these and no others; then mends it.
"""
import ctypes
import os
import resource
import shutil
import signal
import sys
import threading
import time
from pathlib import Path

sys.path.insert(1, str(Path(__file__).resolve().parent.parent / "live"))

from broker import Broker                                                                       # noqa: E402
from confluent_kafka import Consumer                                                            # noqa: E402
from confluent_kafka.admin import ConfigResource                                                # noqa: E402
from faults import SHORT_SESSION                                                                # noqa: E402
from market import Market, deposit, encode, grant, list_, purchase, reserve, restock            # noqa: E402
from process import free_port, until                                                            # noqa: E402
from proxy import Proxy, holds_exec                                                             # noqa: E402
from redisserver import RedisServer                                                             # noqa: E402
from refusals import command_of, resolve                                                        # noqa: E402

# Twenty daemons share a small machine: they wait for events with patience.
CONSUMER = ["session.timeout.ms=6000", "heartbeat.interval.ms=1000", "fetch.wait.max.ms=500"]
PTRACE_SEIZE, PTRACE_INTERRUPT, PTRACE_DETACH = 0x4206, 0x4207, 17


class Load(threading.Thread):
    """Sends an event to each partition of the market in turn, so many a second, until close()."""

    def __init__(self, market, make, per_second):
        super().__init__(daemon=True)
        self.market, self.make, self.pause = market, make, 1 / per_second
        self._end = threading.Event()
        self.start()

    def run(self):
        number = 0
        while not self._end.wait(self.pause):
            self.market.broker.producer.produce(self.market.source, value=encode(self.make(number)), partition=number % self.market.partitions)
            self.market.broker.producer.poll(0)
            number += 1

    def close(self):
        self._end.set()
        self.join(10)


def trade(number):
    """A market that gets on: money, things, sales."""
    user, item = f"u{number // 4 % 20}", f"item{number // 4}"
    return (deposit("buyer", 100), grant(user, item), list_(user, item, 5), purchase("buyer", user, item, 5))[number % 4]


class Room:
    """What one scene has: a job for Prometheus, servers of its own where it wants them, and load."""

    def __init__(self, name, broker, server, directory):
        self.job, self.directory = f"orderd-{name}", directory
        self.broker, self.server = broker, server
        self.targets, self.daemons, self._ends = [], [], []
        directory.mkdir()

    def market(self, load=trade, per_second=10, broker=None, server=None, **options):
        """A market with load, `load` making the event of each number; None: without."""
        market = Market(broker or self.broker, server or self.server, self.directory, **options)
        self._ends.append(market.close)
        if load:
            self.load(market, load, per_second)
        return market

    def load(self, market, make, per_second=10):
        load = Load(market, make, per_second)
        self._ends.append(load.close)
        return load

    def daemon(self, market, **settings):
        """One that Prometheus asks."""
        self.targets.append(f"127.0.0.1:{free_port()}")
        self.daemons.append(market.daemon(**{"http__address": self.targets[-1], "kafka__consumer": CONSUMER, **settings}))
        return self.daemons[-1]

    def own_broker(self):
        broker = Broker(self.directory / "kafka").start()
        self._ends.append(broker.kill)
        return broker

    def own_redis(self, **options):
        server = RedisServer(self.directory / "redis", **options).start()
        self._ends.append(server.kill)
        return server

    def replica(self, master):
        replica = master.replica(self.directory / "replica")
        self._ends.append(replica.kill)
        return replica

    def proxy(self, before):
        proxy = Proxy(self.server, before)
        self._ends.append(proxy.close)
        return proxy

    def close(self):
        for end in reversed(self._ends):
            end()


# No alert at all.

def well(room):
    """Load, an instance that has the only partition, and one that stands by."""
    market = room.market()
    room.daemon(market)
    room.daemon(market)
    yield
    yield set()


def paused_on_purpose(room):
    """An operator pauses a partition, and events for it go on coming."""
    market = room.market(partitions=2)
    daemon = room.daemon(market, control__socket=str(room.directory / "control"))
    yield
    assert daemon.command("pause", f"{market.source}:0").returncode == 0
    yield set()
    assert daemon.command("resume", f"{market.source}:0").returncode == 0


def quiet_on_purpose(room):
    """SIGTSTP, and events go on coming."""
    daemon = room.daemon(room.market())
    yield
    daemon.signal(signal.SIGTSTP)
    yield set()
    daemon.signal(signal.SIGCONT)


# The process.

def killed(room):
    daemon = room.daemon(room.market())
    yield
    daemon.kill()
    yield {"OrderdDown"}
    daemon.start()


def one_of_two_killed(room):
    market = room.market(partitions=2)
    room.daemon(market)
    daemon = room.daemon(market)
    yield
    daemon.kill()
    yield {"OrderdInstanceDown"}
    daemon.start()


def crashes_again_and_again(room):
    daemon = room.daemon(room.market(settings=SHORT_SESSION), kafka__consumer=SHORT_SESSION["kafka.consumer"])
    yield
    for _ in range(4):
        daemon.kill()
        daemon.start(wait=False)
        time.sleep(3)
    yield {"OrderdRestarting"}


def reload_refused(room):
    daemon = room.daemon(room.market())
    yield
    daemon.configure(turn__events=0)
    daemon.reload()
    yield {"OrderdReloadRefused"}
    daemon.configure(turn__events=500)
    daemon.reload()


def pipeline_stands_still(room):
    """Its thread is held by a debugger; the one that serves Prometheus is not."""
    daemon = room.daemon(room.market())
    ptrace = ctypes.CDLL(None, use_errno=True).ptrace
    ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]
    yield
    assert ptrace(PTRACE_SEIZE, daemon.process.pid, None, None) == 0, os.strerror(ctypes.get_errno())
    assert ptrace(PTRACE_INTERRUPT, daemon.process.pid, None, None) == 0, os.strerror(ctypes.get_errno())
    yield {"OrderdPipelineStuck"}
    assert ptrace(PTRACE_DETACH, daemon.process.pid, None, None) == 0, os.strerror(ctypes.get_errno())


def descriptors_run_out(room):
    daemon = room.daemon(room.market())
    limits = resource.prlimit(daemon.process.pid, resource.RLIMIT_NOFILE)
    yield
    used = len(os.listdir(f"/proc/{daemon.process.pid}/fd"))
    resource.prlimit(daemon.process.pid, resource.RLIMIT_NOFILE, (int(used / 0.85), limits[1]))
    yield {"OrderdFileDescriptors"}
    resource.prlimit(daemon.process.pid, resource.RLIMIT_NOFILE, limits)


# Redis.

def redis_stopped(room):
    market = room.market(server=room.own_redis(appendonly="yes"))
    room.daemon(market)
    yield
    market.server.stop()
    yield {"OrderdRedisAway"}
    market.server.start()


def redis_full(room):
    market = room.market(server=room.own_redis())
    room.daemon(market)
    yield
    market.redis.config_set("maxmemory", "1mb")
    yield {"OrderdRedisRefuses"}
    market.redis.config_set("maxmemory", "0")


def replica_stopped(room):
    """Each outcome waits for a replica."""
    master = room.own_redis(tcp=True, repl_diskless_sync_delay="0")
    replica = room.replica(master)
    room.daemon(room.market(server=master), redis__durability="replicas:1")
    yield
    replica.stop()
    yield {"OrderdDurabilityGateClosed"}
    replica.start()


def redis_comes_back_older(room):
    market = room.market(load=None, server=room.own_redis())
    daemon = room.daemon(market)
    market.play([deposit("u", 1)] * 5)
    market.redis.save()
    shutil.copy(market.server.directory / "dump.rdb", market.server.directory / "older.rdb")
    market.play([deposit("u", 1) for _ in range(5)])
    yield
    market.server.kill()
    shutil.copy(market.server.directory / "older.rdb", market.server.directory / "dump.rdb")
    market.server.start()
    yield {"OrderdMarketHalted"}
    resolve(market, command_of(daemon, "rollback"), "--reapply")


def seen_list_deleted(room):
    market = room.market(partitions=2)
    daemon = room.daemon(market)
    yield
    market.redis.delete(market.key(f"orderd:seen:{market.source}:0"))
    yield {"OrderdPartitionStopped"}
    resolve(market, command_of(daemon, "seen list"), "--accept-loss")


# Kafka.

def kafka_stopped(room):
    market = room.market(broker=room.own_broker())
    room.daemon(market)
    yield
    market.broker.stop()
    yield {"OrderdKafkaAway"}
    market.broker.start()


def stranger_in_the_group(room):
    """Somebody reads with the same group.id; an id that sorts first gets the partition."""
    market = room.market()
    room.daemon(market)
    yield
    stranger = Consumer({"bootstrap.servers": market.broker.bootstrap, "group.id": market.group, "client.id": "0", "session.timeout.ms": 6000,
                         "enable.auto.commit": False, "log_level": 0})
    stranger.subscribe([market.source])
    until(lambda: stranger.poll(0.1) and stranger.assignment(), 30, "the stranger gets no partition")
    yield {"OrderdPartitionsMissing"}
    stranger.close()


def set_topic(market, topic, **config):
    settings = {name.replace("_", "."): str(value) for name, value in config.items()}
    for done in market.broker.admin.alter_configs([ConfigResource(ConfigResource.Type.TOPIC, topic, set_config=settings)]).values():
        done.result(20)


def outcomes_refused(room):
    """Kafka says no to each."""
    market = room.market()
    room.daemon(market)
    yield
    set_topic(market, market.outcome_topic, max_message_bytes=100)
    yield {"OrderdDeliveryFailing"}
    set_topic(market, market.outcome_topic, max_message_bytes=1048588)


def kafka_frozen(room):
    """Kafka says nothing, for less than a client takes to notice, while a backlog of events is held: the outbox fills."""
    market = room.market(load=None, broker=room.own_broker())
    room.daemon(market, outbox__entries=5, turn__events=1, rate__events_per_s=20, kafka__client=["socket.timeout.ms=300000"],
                kafka__consumer=["session.timeout.ms=300000", "fetch.wait.max.ms=500"])
    yield
    market.send_all(map(trade, range(400)))
    market.outcomes(20)
    market.broker.freeze()
    yield {"OrderdOutboxFull"}
    market.broker.thaw()


def outcome_topic_deleted(room):
    """And the connection to Redis is lost, so that the partition must be taken over again."""
    market = room.market(load=None, server=room.own_redis())
    room.daemon(market)
    market.play([deposit("u", 1)])
    yield
    market.broker.delete_topic(market.outcome_topic)
    market.redis.client_kill_filter(_type="normal", skipme=True)
    yield {"OrderdTakeoverStuck"}
    market.broker.topic(name=market.outcome_topic)


# Events.

def poison_flood(room):
    market = room.market()
    room.daemon(market)
    yield
    flood = room.load(market, lambda number: b'{"id":', per_second=10)
    yield {"OrderdPoisonFlood", "OrderdDeadLetters"}
    flood.close()


def too_slow(room):
    """More comes in than the daemon may decide."""
    daemon = room.daemon(room.market())
    yield
    daemon.configure(rate__events_per_s=3)
    daemon.reload()
    yield {"OrderdLagGrowing"}
    daemon.configure(rate__events_per_s=0)
    daemon.reload()


def meddled_with(room, key, make, per_second=10, **settings):
    """Sets up a market and returns an Event: while that is set, another program writes the key ahead of each transaction, whenever it comes."""
    meddles = threading.Event()

    def before(request):
        if meddles.is_set() and holds_exec(request):
            client.eval("return redis.call('TYPE', KEYS[1]).ok == 'hash' and redis.call('HINCRBY', KEYS[1], 'funds', 1) "
                        "or redis.call('INCR', KEYS[1])", 1, name)

    market = room.market(load=make, per_second=per_second)
    client, name = market.redis, market.key(key)
    room.daemon(market, redis__address=room.proxy(before).address, **settings)
    return meddles


def partition_stuck(room):
    """A deposit has no deadline: its event is tried for ever."""
    meddles = meddled_with(room, "users:u", lambda number: deposit("u", 1))
    yield
    meddles.set()
    yield {"OrderdPartitionStuck", "OrderdHotKey"}
    meddles.clear()


def key_fought_over(room):
    """A reservation has a deadline, and expires."""
    meddles = meddled_with(room, "stock:s", lambda number: reserve("s", 1, "u") if number else restock("s", 1000000), per_second=1,
                              deadline_ms__reserve=300)
    yield
    meddles.set()
    yield {"OrderdEventsExpiring", "OrderdHotKey"}
    meddles.clear()


SCENES = [
    well, paused_on_purpose, quiet_on_purpose,
    killed, one_of_two_killed, crashes_again_and_again, reload_refused, pipeline_stands_still, descriptors_run_out,
    redis_stopped, redis_full, replica_stopped, redis_comes_back_older, seen_list_deleted,
    kafka_stopped, kafka_frozen, outcomes_refused, outcome_topic_deleted, stranger_in_the_group,
    poison_flood, too_slow, partition_stuck, key_fought_over]
# Cannot be made here, or takes hours: cases.py has them.
NOT_LIVE = {"OrderdReapplyLong", "OrderdNotJoined", "OrderdCommitFailing", "OrderdLagging", "OrderdForgottenPause", "OrderdForgottenQuiet"}
