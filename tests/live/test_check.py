"""`orderd check --connect` on a real Kafka and Redis: each thing that it looks at, as it should be and as it should not."""
import shutil
import signal
import socket
import subprocess
import threading
import time

import pytest

from checking import checked
from daemon import BINARY
from load import mixed
from process import start, until
from refusals import begun, run

# Of the run's broker and Redis these are known: one broker, nothing on disk; librdkafka of Debian 12 cannot ask for Write.
KNOWN_WARNINGS = {"redis persistence", "topic"}


def failure(daemon, about, code=78):
    """The only failure, which is about that."""
    report = checked(daemon, code=code)
    failures = report.of("failure")
    assert [line.about for line in failures] == [about], report
    return failures[0]


def warning(daemon, about):
    return checked(daemon, code=0).one(about, "warning")


# Nothing is wrong

def test_before_the_first_start_nothing_is_wrong_and_nothing_is_made(market):
    report = checked(market.make(), code=0)
    assert {line.about.split()[0] if line.about.startswith("topic") else line.about for line in report.of("warning")} == KNOWN_WARNINGS
    assert "the first start makes it" in report.one(market.key("orderd:meta")).found
    assert market.redis.keys(market.prefix + "*") == []


def test_beside_a_running_daemon_it_changes_nothing(make_market, own_redis):
    server = own_redis()
    market = make_market(server=server, partitions=2)
    daemon = market.daemon()
    market.send_all(mixed(50, 2))
    market.outcomes(alive=[daemon])
    until(lambda: market.redis.xlen(market.key("orderd:outbox")) == 0, 20, "the outbox does not become empty")
    daemon.freeze()     # what is written now is written by the check
    before = (sorted(market.redis.keys()), market.redis.hgetall(market.key("orderd:meta")), market.mark(0), market.mark(1), topics(market.broker))
    commands = monitored(server, lambda: checked(daemon, code=0))
    daemon.thaw()
    assert commands and commands <= {"AUTH", "SELECT", "INFO", "CONFIG", "ACL", "EXISTS", "UNWATCH", "WATCH", "HGET", "HMGET", "TYPE", "XLEN"}
    assert before == (sorted(market.redis.keys()), market.redis.hgetall(market.key("orderd:meta")), market.mark(0), market.mark(1), topics(market.broker))
    report = checked(daemon, code=0)
    assert report.one(f"group {market.group}").found == "Stable, 1 member"
    assert "2 of 2 partitions fit" in report.one(f"marks of {market.source}").found
    market.send_all(mixed(50, 2, seed=2))
    market.outcomes(alive=[daemon])
    assert daemon.log().count("took over topic=") == 2


def topics(broker):
    found = broker.admin.list_topics(timeout=20).topics
    return {name: {n: broker.bounds(name, n) for n in topic.partitions} for name, topic in found.items() if not name.startswith("__")}


def monitored(server, work):
    """The names of all commands that the server was sent meanwhile."""
    with server.client() as client, client.monitor() as monitor:
        names, end = set(), f"end-{time.monotonic_ns()}"

        def listen():
            for command in monitor.listen():
                if end in command["command"]:
                    return
                names.add(command["command"].split()[0].upper())

        listener = threading.Thread(target=listen)
        listener.start()
        work()
        with server.client() as other:
            other.echo(end)
        listener.join()
    return names


def test_while_events_flow_no_mark_is_taken_for_a_misfit(make_market):
    market = make_market(partitions=2)
    daemon = market.daemon()
    for seed in range(4):
        market.send_all(mixed(300, 2, seed=seed))
        checked(daemon, code=0)
    market.outcomes(alive=[daemon])


# Redis

@pytest.mark.parametrize("options, settings, about, found, do", [
    ({"maxmemory": "100mb", "maxmemory_policy": "allkeys-lru"}, {}, "redis maxmemory-policy", "allkeys-lru", "maxmemory-policy noeviction"),
    ({"maxmemory": "100kb"}, {}, "redis memory", "writes are refused", "raise maxmemory"),
    ({}, {"redis.durability": "aof"}, "redis persistence", "nothing on disk", "appendonly yes"),
    ({"appendonly": "yes"}, {"redis.durability": "aof"}, "redis persistence", "appendfsync everysec", "appendfsync always"),
    ({}, {"redis.durability": "replicas:1"}, "redis replicas", "0 in sync", "start replicas"),
    ({"min_replicas_to_write": "1"}, {}, "redis replicas", "writes are refused", "start replicas"),
    ({"rename_command": ["LSET", ""]}, {}, "redis user default", "lset", "rename-command"),
], ids=["keys are evicted", "memory is full", "nothing on disk for aof", "no WAITAOF and not always", "no replica", "too few replicas to write", "a command renamed"])
def test_a_redis_that_will_not_do(make_market, own_redis, options, settings, about, found, do):
    line = failure(make_market(server=own_redis(**options), settings=settings).make(), about)
    assert found in line.found and do in line.do


@pytest.mark.parametrize("options, about, found", [
    ({"maxmemory_policy": "allkeys-lru"}, "redis maxmemory-policy", "without a maxmemory"),
    ({"maxmemory": "100mb", "maxmemory_policy": "volatile-lru"}, "redis maxmemory-policy", "given a time to live"),
    ({"save": "60 1000"}, "redis persistence", "snapshots only (save 60 1000)"),
])
def test_a_redis_that_will_do_but_is_unwise(make_market, own_redis, options, about, found):
    assert found in warning(make_market(server=own_redis(**options)).make(), about).found


def test_a_redis_that_keeps_everything(make_market, own_redis):
    market = make_market(server=own_redis(appendonly="yes", appendfsync="always"), settings={"redis.durability": "aof"})
    assert checked(market.make(), code=0).one("redis persistence").kind == "ok"


def test_a_cluster_of_redis(make_market, own_redis):
    server = own_redis(tcp=True, cluster_enabled="yes", databases="1")
    assert "cluster mode" in checked(make_market(server=server).make(), code=78).one("redis", "failure").found


def test_a_replica_in_place_of_its_master(make_market, own_redis, tmp_path):
    master = own_redis(tcp=True)
    replica = master.replica(tmp_path / "replica")
    try:
        market = make_market(server=master, settings={"redis.durability": "replicas:1"})
        assert "1 in sync, as many as" in warning(market.make(), "redis replicas").found
        market = make_market(server=replica)
        line = failure(market.make(), "redis role")
        assert f"replica of 127.0.0.1:{master.port}" in line.found and "redis.address" in line.do
    finally:
        replica.kill()


def test_a_disk_that_redis_cannot_write(make_market, own_redis):
    server = own_redis()
    shutil.rmtree(server.directory)
    with server.client() as client:
        client.bgsave()
        until(lambda: client.info("persistence")["rdb_last_bgsave_status"] == "err", 20, "the snapshot does not fail")
    assert "rdb_last_bgsave_status is err" in failure(make_market(server=server).make(), "redis persistence").found


def test_no_redis(make_market, own_redis):
    server = own_redis()
    daemon = make_market(server=server).make()
    server.kill()
    report = checked(daemon, code=69)
    assert "Connection refused" in report.one("redis", "failure").found and "start Redis" in report.one("redis").do
    assert report.one("market").kind == "not_checked"


@pytest.fixture
def with_user(make_market, own_redis, tmp_path):
    """with_user(rules): a market whose Redis user has the README's rights, changed by these rules, and a daemon that was not started."""
    def make(*rules):
        server = own_redis()
        market = make_market(server=server)
        password = tmp_path / "password"
        password.write_text("swordfish\n")
        password.chmod(0o600)
        with server.client() as client:
            client.execute_command("ACL", "SETUSER", "orderd", "on", ">swordfish", f"~{market.prefix}*", "+@all", *rules)
        return market, market.make(redis__user="orderd", redis__password_file=str(password))
    return make


@pytest.mark.parametrize("rules, found, do", [
    (["-zadd", "-client|id"], "2 commands", "ACL SETUSER orderd +zadd +client|id"),
    (["resetkeys", "~elsewhere:*"], "keys are not allowed", "ACL SETUSER orderd '~"),
])
def test_a_redis_user_that_may_not_do_enough(with_user, rules, found, do):
    _, daemon = with_user(*rules)
    line = checked(daemon, code=77).one("redis user orderd", "failure")
    assert found in line.found and do in line.do


def test_a_redis_user_that_lacks_what_is_only_better_to_have(with_user):
    _, daemon = with_user("-client|kill", "-config|get")
    report = checked(daemon, code=0)
    assert report.one("redis user orderd", "warning").do == "ACL SETUSER orderd +client|kill +config|get"
    assert report.one("redis maxmemory-policy").kind == "not_checked"


def test_a_redis_user_whose_rights_cannot_be_asked_for(with_user):
    _, daemon = with_user("-acl")
    line = checked(daemon, code=0).one("redis user")
    assert line.kind == "not_checked" and "+acl|dryrun" in line.do


def test_a_wrong_redis_password(with_user):
    _, daemon = with_user("resetpass", ">another")
    assert "WRONGPASS" in failure(daemon, "redis", code=77).found


# Kafka

def test_no_kafka(market):
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{nobody.getsockname()[1]}"
        line = failure(market.make(kafka__brokers=address), f"kafka {address}", code=69)
        assert "Connection refused" in line.found and "kafka.brokers" in line.do
        # One of two that is away is a failure of its own, whatever the other makes possible.
        both = f"{market.broker.bootstrap}, {address}"
        report = checked(market.make(kafka__brokers=both), code=69)
        assert report.one(f"kafka {market.broker.bootstrap}").kind == "ok" and report.one(f"kafka {address}").kind == "failure"


def test_a_topic_that_is_missing_is_made_by_the_command_that_is_named(market):
    daemon = market.make(kafka__dead_letters=f"{market.dead_letter_topic}-b")
    line = failure(daemon, f"topic {market.dead_letter_topic}-b")
    assert line.found == f"topic {market.dead_letter_topic}-b does not exist"
    assert line.do == f"orderd init -c {daemon.file} --create-topics" and run(line.do).returncode == 0
    checked(daemon, code=0)


def test_too_few_partitions_for_the_outcomes(market):
    few, many = market.outcome_topic, market.broker.topic("orders", 3)
    line = failure(market.make(kafka__topics=[many]), f"partitions of {few}")
    assert "has 1 partitions, a source has 3" in line.found and "--create-topics" in line.do


def test_dead_letters_that_would_not_fit(market):
    small = market.broker.topic("letters")
    assert "so at least 1114124 would be right" in failure(market.make(kafka__dead_letters=small), f"record size of {small}").found


def test_outcomes_that_may_not_be_written(market):
    topic = market.broker.topic("outcomes", min_insync_replicas=2)
    assert "nothing can be written" in failure(market.make(kafka__outcomes=topic), f"settings of {topic}").found


@pytest.mark.parametrize("config, about, found, do", [
    ({"retention_ms": 3600000}, "retention of", "for 1.0 hours", "retention.ms at least 604800000"),
    ({"retention_bytes": 1000000}, "retention of", "keeps all", "retention.bytes at least -1"),
    ({"cleanup_policy": "compact"}, "settings of", "cleanup.policy compact", "cleanup.policy delete"),
    ({"unclean_leader_election_enable": "true"}, "settings of", "vanish", "unclean.leader.election.enable false"),
])
def test_outcomes_that_are_not_kept_well(market, config, about, found, do):
    topic = market.broker.topic("outcomes", **config)
    line = warning(market.make(kafka__outcomes=topic), f"{about} {topic}")
    assert found in line.found and do in line.do


def test_members_that_share_partitions_otherwise(market):
    daemon = market.daemon()
    other = market.make(kafka__consumer=[*daemon.settings["kafka.consumer"], "partition.assignment.strategy=roundrobin"])
    assert "share partitions by range" in failure(other, f"group {market.group}").found


# The market

@pytest.fixture
def rested(make_market):
    """A market that has decided 50 events, and its daemon, stopped."""
    return begun(make_market, mixed(50))


def damaged(rested, damage, about, found, do):
    market, daemon = rested
    damage(market)
    line = failure(daemon, about(market))
    assert found in line.found, line
    assert do in line.do, line


@pytest.mark.parametrize("field, value, found, do", [
    ("halt", "rollback orders:0: offsets 3 to 4", "the market is halted: rollback", "--reapply"),
    ("cluster", "another", "belongs to Kafka cluster another", "--adopt"),
    ("group", "another", 'belongs to group "another"', "--adopt"),
    ("schema", "2", "a hash that cannot be read", "--adopt"),
])
def test_a_registry_that_does_not_fit(rested, field, value, found, do):
    damaged(rested, lambda m: m.redis.hset(m.key("orderd:meta"), field, value), lambda m: m.key("orderd:meta"), found, do)


def test_a_registry_that_is_gone(rested):
    damaged(rested, lambda m: m.redis.delete(m.key("orderd:meta")), lambda m: m.key("orderd:meta"), "marks, outbox or seen lists exist", "--adopt")


def test_all_that_redis_had_is_gone(rested):
    damaged(rested, lambda m: m.redis.delete(*m.redis.keys(m.prefix + "*")), lambda m: m.key("orderd:meta"), "missing while kafka has outcomes", "--adopt")


@pytest.mark.parametrize("fields, found, do", [
    ({"torn": "1"}, "is torn", "--accept-loss"),
    ({"next": "fifty"}, "cannot be read", "--adopt"),
    ({"next": "40", "done": "40"}, "rollback: redis came back older", "--reapply"),
    ({"next": "60", "done": "60"}, "the log ends at offset 50", "--adopt"),
    ({"fp": "0" * 32}, "is not the one that was decided", "--adopt"),
    ({"done": "45"}, "offsets 45 to 49 are not yet delivered, and the outbox is empty", "--accept-loss"),
])
def test_a_mark_that_does_not_fit(rested, fields, found, do):
    damaged(rested, lambda m: m.redis.hset(m.key(f"orderd:mark:{m.source}:0"), mapping=fields), lambda m: f"mark {m.source}:0", found, do)


def test_a_mark_that_is_gone(rested):
    damaged(rested, lambda m: m.redis.delete(m.key(f"orderd:mark:{m.source}:0")), lambda m: f"mark {m.source}:0", "is missing", "--adopt")


def test_an_outbox_that_is_gone(rested):
    damaged(rested, lambda m: m.redis.delete(m.key("orderd:outbox")), lambda m: f"mark {m.source}:0", "the outbox", "--accept-loss")


def test_something_else_stands_where_pauses_are_kept(rested):
    damaged(rested, lambda m: m.redis.set(m.key("orderd:paused"), "x"), lambda m: f"mark {m.source}:0", "WRONGTYPE", "remove what stands there")


def test_events_that_were_deleted_before_they_were_decided(rested):
    def damage(m):
        m.send_all(mixed(20, seed=2, again=0))
        m.broker.delete_records(m.source, 0, 65)
    damaged(rested, damage, lambda m: f"mark {m.source}:0", "offsets 50 to 64 were deleted", "--accept-gap")


def test_a_market_key_of_another_type(rested):
    damaged(rested, lambda m: (m.redis.delete(m.key("market:")), m.redis.set(m.key("market:"), "1")), lambda m: m.key("market:"), "not a sorted set", "redis.prefix")


def test_another_form_of_shard(rested):
    _, daemon = rested
    daemon.configure(shard="partition")
    assert "shard cannot be changed" in failure(daemon, "shard").found


def test_a_topic_that_joined_the_file_and_one_that_left(rested):
    market, daemon = rested
    added = market.broker.topic("more")
    daemon.configure(kafka__topics=[market.source, added])
    assert failure(daemon, market.key("orderd:meta")).do.endswith(f"--add-topic {added}")
    daemon.configure(kafka__topics=[added])
    assert "configured and not in the registry" in failure(daemon, market.key("orderd:meta")).found


def test_dedupe_settings_that_do_not_rule_are_a_warning(rested):
    market, daemon = rested
    daemon.configure(dedupe__ids=500)
    assert warning(daemon, market.key("orderd:meta")).do.endswith("--dedupe")


def test_what_waits_is_counted(rested):
    market, daemon = rested
    market.send_all(mixed(7, seed=2, again=0))
    market.redis.hset(market.key("orderd:meta"), "quarantine", f"{market.source}:0:3")
    market.redis.hset(market.key("orderd:paused"), f"{market.source}:0", "1 maintenance")
    report = checked(daemon, code=0)
    assert "7 events behind" in report.one(f"marks of {market.source}").found and "1 paused" in report.one(f"marks of {market.source}").found
    assert f"quarantined: {market.source}:0:3" in report.one(market.key("orderd:meta")).found
    assert report.one(f"group {market.group}").found == "nobody is in it"


def test_each_shard_is_looked_at(make_market):
    market, daemon = begun(make_market, mixed(40, 2), partitions=2, settings={"shard": "partition"})
    report = checked(daemon, code=0)
    assert [line.kind for number in (0, 1) for line in report.about(market.key("orderd:meta", number))] == ["ok", "ok"]
    market.redis.hset(market.key("orderd:meta", 1), "halt", "rollback")
    assert failure(daemon, market.key("orderd:meta", 1)).do.endswith("--reapply")


# The command

def test_warnings_count_when_that_is_wanted(market):
    checked(market.make(), "--strict", code=78)


def test_a_missing_right_is_told_before_an_absence(with_user):
    _, daemon = with_user("-zadd")
    daemon.configure(kafka__brokers="127.0.0.1:1")
    checked(daemon, code=77)


@pytest.fixture
def silence():
    """The address of somebody who takes connections and never says a word."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield f"127.0.0.1:{listener.getsockname()[1]}"


def test_it_comes_to_its_end_where_nobody_answers(market, silence):
    report = checked(market.make(redis__address=silence, kafka__brokers=f"{silence},{silence}", redis__command_timeout_ms=60000), "--within", "8", code=69)
    assert {line.about for line in report.of("failure")} >= {"redis", f"kafka {silence}"}


def test_it_is_interrupted_by_a_signal(market, silence):
    process = start([BINARY, "check", "--connect", "-c", market.make(redis__address=silence).file], stdout=subprocess.PIPE, text=True)
    process.stdout.readline()
    process.send_signal(signal.SIGINT)
    assert process.wait(90) == -signal.SIGINT
    process.stdout.close()
