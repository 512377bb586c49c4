"""What the daemon needs to start, where its market lies, and what its Redis user must be allowed."""
import re
import shlex
from pathlib import Path

import pytest

from market import deposit, encode, grant, list_, purchase, reserve, restock, unlist
from process import until

README = Path(__file__).resolve().parents[2] / "README.md"
EVERY_KIND = [deposit("b", 9), grant("s", "i"), list_("s", "i", 5), unlist("s", "i"), list_("s", "i", 6), purchase("b", "s", "i", 6),
              restock("k", 2), reserve("k", 1, "b")]


def user_rule(password, keys, without=()):
    """The README's ACL line for such keys, without some of its rights."""
    line = re.search(r"redis-cli (ACL SETUSER orderd (?:.*\\\n)*.*)", README.read_text())[1].replace("\\\n", "")
    words = shlex.split(line.replace("PASSWORD", password).replace("PREFIX", keys))
    assert {f"+{right}" for right in without} <= set(words)
    return [word for word in words if word not in {f"+{right}" for right in without}]


@pytest.fixture
def guarded(own_redis, make_market, tmp_path):
    """guarded(without=(), keys=None): a market whose daemon is a Redis user with the rights that the README names."""
    def make(without=(), keys=None, **options):
        market = make_market(server=own_redis(), **options)
        market.redis.execute_command(*user_rule("s3cret-word", market.prefix if keys is None else keys, without))
        password = tmp_path / "password"
        password.write_text("s3cret-word\n")
        password.chmod(0o600)
        market.settings |= {"redis.user": "orderd", "redis.password_file": str(password)}
        return market
    return make


def test_the_rights_that_the_readme_names_are_enough(guarded):
    market = guarded(prefix="shop:")
    daemon = market.daemon()
    assert [o.status for o in market.play(EVERY_KIND)] == ["applied"] * 8
    market.audit()
    assert "s3cret" not in daemon.log() and daemon.stop() == 0
    assert "s3cret" not in daemon.command("--print-config").stdout
    assert not [entry for entry in market.redis.acl_log() if entry["username"] == "orderd"], "nothing was refused"


def test_they_are_enough_to_look_at_offsets_and_to_move_a_mark(guarded):
    market = guarded(prefix="shop:")
    daemon = market.daemon()
    market.play(EVERY_KIND)
    market.audit()
    assert daemon.stop() == 0
    for words in ([], ["--move", f"{market.source}:0", "--to", "3", "--because", "again"]):
        done = daemon.command("offsets", *words)
        assert done.returncode == 0, done.stdout + done.stderr
    assert not [entry for entry in market.redis.acl_log() if entry["username"] == "orderd"], "nothing was refused"


def test_with_those_that_are_named_for_it_they_are_enough_for_a_snapshot_and_to_restore_it(guarded):
    market = guarded(prefix="shop:")
    daemon = market.daemon()
    market.play(EVERY_KIND)
    assert daemon.stop() == 0
    more = re.search(r"The Redis user needs `([+a-z ]+)` besides", README.read_text())[1].split()
    market.redis.execute_command("ACL", "SETUSER", "orderd", *more)
    path = market.directory / "snapshot"
    assert daemon.command("snapshot", path).returncode == 0
    market.redis.flushall()
    done = daemon.command("restore", path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert not [entry for entry in market.redis.acl_log() if entry["username"] == "orderd"], "nothing was refused"


@pytest.mark.parametrize("right", ["xadd", "zmscore", "hincrby", "watch", "info", "lset", "client|id"])
def test_a_user_without_a_right_ends_it_with_77_and_names_the_command(guarded, right):
    market = guarded(without=[right])
    daemon = market.make().start(wait=False)
    assert daemon.wait_exit() == 77
    assert right in daemon.log() and "error redis cannot be used" in daemon.log()
    assert market.redis.keys("*") == [], "the self-test leaves nothing"


def test_a_user_of_another_prefix_ends_it_with_77(guarded):
    market = guarded(keys="other:")
    daemon = market.make().start(wait=False)
    assert daemon.wait_exit() == 77
    assert "NOPERM" in daemon.log() or "no permissions" in daemon.log()


def test_a_user_that_may_not_touch_the_market_is_found_before_the_first_event(own_redis, make_market, tmp_path):
    market = make_market(server=own_redis(), prefix="shop:")
    market.redis.execute_command(*user_rule("word", "shop:orderd:"))
    (tmp_path / "password").write_text("word")
    market.settings |= {"redis.user": "orderd", "redis.password_file": str(tmp_path / "password")}
    daemon = market.make().start(wait=False)
    assert daemon.wait_exit() == 77
    assert "market:" in daemon.log()


def test_a_user_that_may_not_read_the_registry_ends_it_with_77(guarded):
    """Nor ask for its rights, so that the self-test cannot know: waiting would not help."""
    market = guarded(keys="shop:orderd:selftest:", prefix="shop:")
    market.redis.acl_setuser("orderd", commands=["-acl"], enabled=True)
    daemon = market.make().start(wait=False)
    assert daemon.wait_exit() == 77
    assert "error the registry may not be compared" in daemon.log() and "NOPERM" in daemon.log()


def test_a_wrong_password_ends_it_with_77(guarded, tmp_path):
    market = guarded()
    (tmp_path / "password").write_text("guess")
    daemon = market.make().start(wait=False)
    assert daemon.wait_exit() == 77
    assert "WRONGPASS" in daemon.log() and "guess" not in daemon.log()


def test_a_relative_password_file_comes_from_the_credentials_directory(guarded, tmp_path):
    market = guarded()
    market.start_state()
    daemon = market.make(redis__password_file="password").start(environment={"CREDENTIALS_DIRECTORY": str(tmp_path)})
    market.play([deposit("u", 1)])
    market.audit()
    assert daemon.stop() == 0


def test_the_market_lies_in_its_database_under_its_prefix_and_nowhere_else(make_market, own_redis):
    server = own_redis()
    market = make_market(server=server, database=7, prefix="a*b?[c]:")
    market.daemon()
    market.play(EVERY_KIND)
    assert all(key.startswith("a*b?[c]:") for key in market.redis.keys("*"))
    assert [db for db in range(16) if server.client(db=db).dbsize()] == [7]
    market.audit()


def test_two_markets_in_one_redis_do_not_meet(make_market):
    markets = [make_market(), make_market()]
    for n, market in enumerate(markets):
        market.daemon()
        market.play([deposit("u", 1 + n, id="same")])
    assert [market.funds("u") for market in markets] == [1, 2]
    for market in markets:
        market.audit()


def test_redis_over_tcp(make_market, own_redis):
    server = own_redis(tcp=True)
    market = make_market(server=server, settings={"redis.address": server.tcp_address})
    daemon = market.daemon()
    market.play(EVERY_KIND)
    market.audit()
    assert daemon.stop() == 0


@pytest.mark.parametrize("which", ["kafka.topics", "kafka.outcomes", "kafka.dead_letters"])
def test_a_missing_topic_ends_it_with_78_and_the_command_that_it_names_resolves_it(market, which):
    name = f"new-{market.group}"
    daemon = market.make(**{which: [name] if which == "kafka.topics" else name}).start(wait=False)
    assert daemon.wait_exit() == 78
    assert f"topic {name} does not exist" in daemon.log()
    resolve = re.search(r'resolve="orderd (init .*)"', daemon.log())[1]
    assert list(market.redis.scan_iter(match=market.prefix + "*")) == []
    assert daemon.command(*resolve.replace(f"-c {daemon.file} ", "").split()).returncode == 0
    daemon.start()
    market.broker.send(daemon.settings["kafka.topics"][0], encode(deposit("u", 1)))
    until(lambda: market.funds("u") == 1, 20, "the event is not applied")
    assert daemon.stop() == 0


def test_a_topic_that_the_broker_learns_of_later_is_waited_for(market):
    name = f"late-{market.group}"
    market.start_state()
    daemon = market.make(kafka__outcomes=name).start(wait=False)
    daemon.wait_for(f"they are looked at for .*topic {name} does not exist")
    market.outcome_topic = market.broker.topic(name=name)
    daemon.wait_for("running group=")
    market.play([deposit("u", 1)])
    market.audit()


def test_an_outcome_topic_with_too_few_partitions_ends_it_with_78(make_market, broker):
    market = make_market(partitions=3)
    few = broker.topic("few", 2)
    daemon = market.make(**{"kafka.outcomes": few}).start(wait=False)
    assert daemon.wait_exit() == 78
    assert f"the outcome topic {few} has 2 partitions, a source has 3" in daemon.log()


def test_a_dead_letter_topic_that_takes_too_little_ends_it_with_78(market, broker):
    small = broker.topic("small", 1, max_message_bytes=1048588)
    daemon = market.make(**{"kafka.dead_letters": small}).start(wait=False)
    assert daemon.wait_exit() == 78
    assert f"the dead-letter topic {small} takes max.message.bytes=1048588" in daemon.log() and "at least 1114124" in daemon.log()


def test_a_bad_file_ends_it_with_78_and_every_problem_has_its_line(market):
    daemon = market.make(turn__events=0, shard="maybe").start(wait=False)
    assert daemon.wait_exit() == 78
    assert daemon.log().count("orderd.conf:") == 2
    assert daemon.command("--check-config").returncode == 78


def test_a_good_file_checks_and_prints_what_loads_again(market):
    daemon = market.make()
    checked, printed = daemon.command("--check-config"), daemon.command("--print-config")
    assert checked.returncode == printed.returncode == 0
    daemon.file.write_text(printed.stdout)
    assert daemon.command("--print-config").stdout == printed.stdout
