"""Passwords that change while events flow, on both sides and in whatever order the operator changes them: no event is lost, none doubled."""
import os

import pytest

from broker import Broker
from load import Feeder
from process import free_port
from test_start import user_rule


class Secret:
    """A file that holds a password; change() as an operator's tools do it, whole at once."""

    def __init__(self, path, text):
        self.path = path
        self.change(text)

    def change(self, text):
        fresh = self.path.with_suffix(".new")
        fresh.write_text(text + "\n")
        fresh.chmod(0o600)
        os.rename(fresh, self.path)


@pytest.fixture
def guarded(own_redis, make_market, tmp_path):
    """A market behind a Redis user, with the file of its password, first-word."""
    market = make_market(server=own_redis(), partitions=2)
    market.redis.execute_command(*user_rule("first-word", market.prefix, ()))
    secret = Secret(tmp_path / "password", "first-word")
    market.settings |= {"redis.user": "orderd", "redis.password_file": str(secret.path)}
    return market, secret


def kill_connection(market):
    """Of the daemon, so that the next one must say its password."""
    assert [market.redis.client_kill_filter(_id=client["id"]) for client in market.redis.client_list() if client["name"] == "orderd"] == [1]


def settle(market, daemon):
    market.outcomes(timeout=60, alive=[daemon])
    market.audit()
    assert daemon.stop() == 0
    assert not [word for word in ("first-word", "second-word", "third-word") if word in daemon.whole_log()]


def test_redis_takes_both_passwords_for_a_while(guarded):
    market, secret = guarded
    daemon = market.daemon()
    with Feeder(market, 2) as feeder:
        feeder.ahead(500)
        market.redis.execute_command("ACL", "SETUSER", "orderd", ">second-word")
        secret.change("second-word")
        daemon.reload()
        daemon.wait_for(" notice redis takes the changed password address=")
        assert "redis connection dropped" not in daemon.log(), "it said the new one on the connection that it has"
        market.redis.execute_command("ACL", "SETUSER", "orderd", "<first-word")
        kill_connection(market)
        daemon.wait_for("redis is there", count=2)
        feeder.ahead(500)
    assert "WRONGPASS" not in daemon.log()
    settle(market, daemon)


def test_redis_is_changed_first_and_at_once(guarded):
    market, secret = guarded
    daemon = market.daemon()
    with Feeder(market, 2) as feeder:
        feeder.ahead(500)
        market.redis.execute_command("ACL", "SETUSER", "orderd", "resetpass", ">second-word")
        feeder.ahead(200)
        kill_connection(market)
        daemon.wait_for("redis is away error=\"AUTH: WRONGPASS")
        secret.change("second-word")
        daemon.reload()
        daemon.wait_for("redis is there", count=2)
        feeder.ahead(500)
    settle(market, daemon)


def test_the_file_is_changed_first(guarded):
    market, secret = guarded
    daemon = market.daemon()
    with Feeder(market, 2) as feeder:
        feeder.ahead(500)
        secret.change("second-word")
        daemon.reload()
        daemon.wait_for(" error redis does not take the changed password, the connection goes on as it was, .* error=\"AUTH: WRONGPASS")
        feeder.ahead(200)
        kill_connection(market)
        daemon.wait_for(" warning redis does not take the changed password, the former one is tried")
        daemon.wait_for("redis is there", count=2)
        feeder.ahead(200)
        secret.change("third-word")
        daemon.reload()
        daemon.wait_for("the connection goes on as it was", count=2)
        market.redis.execute_command("ACL", "SETUSER", "orderd", "resetpass", ">third-word")
        daemon.reload()
        daemon.wait_for(" notice redis takes the changed password")
        kill_connection(market)
        daemon.wait_for("redis is there", count=3)
        feeder.ahead(500)
    settle(market, daemon)


SECURED = """
listeners=PLAINTEXT://127.0.0.1:{{port}},SECURE://127.0.0.1:{secure},CONTROLLER://127.0.0.1:{{controller}}
advertised.listeners=PLAINTEXT://127.0.0.1:{{port}},SECURE://127.0.0.1:{secure}
listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT,SECURE:SASL_PLAINTEXT
sasl.enabled.mechanisms=PLAIN
"""
USER = 'listener.name.secure.plain.sasl.jaas.config=org.apache.kafka.common.security.plain.PlainLoginModule required user_orderd="{}";\n'


@pytest.fixture
def secured_broker(tmp_path):
    """A broker with a listener at .secure for the user orderd, first-word."""
    secure = free_port()
    broker = Broker(tmp_path / "kafka", SECURED.format(secure=secure) + USER.format("first-word"))
    broker.secure = f"127.0.0.1:{secure}"
    try:
        yield broker.start()
    finally:
        broker.kill()


def login(broker, secret):
    return {"kafka.brokers": broker.secure, "kafka.secrets": [f"sasl.password={secret.path}"],
            "kafka.client": ["reconnect.backoff.max.ms=500", "security.protocol=SASL_PLAINTEXT", "sasl.mechanism=PLAIN", "sasl.username=orderd"]}


def test_a_start_with_a_password_that_kafka_refuses_says_so(secured_broker, make_market, tmp_path):
    market = make_market(broker=secured_broker, settings=login(secured_broker, Secret(tmp_path / "password", "wrong-word")))
    daemon = market.make().start(wait=False)
    daemon.wait_for("kafka does not answer at .*SASL authentication error: Authentication failed", 30)
    assert daemon.stop() == 0


def test_kafka_s_password_changes_in_either_order(secured_broker, make_market, tmp_path):
    """The broker learns of it by a restart, so that every connection is made anew."""
    secret = Secret(tmp_path / "password", "first-word")
    market = make_market(broker=secured_broker, partitions=2, settings=login(secured_broker, secret))
    daemon = market.daemon()
    with Feeder(market, 2) as feeder:
        feeder.ahead(500)
        secured_broker.stop()
        secured_broker.configure(USER.format("second-word"))
        secured_broker.start()
        daemon.wait_for("SASL authentication error: Authentication failed", 30)
        secret.change("second-word")
        daemon.reload()
        daemon.wait_for(" notice kafka's changed credentials count for every connection made from now on")
        market.outcomes(len(market.sent), timeout=60, alive=[daemon])
        refused = daemon.log().count("Authentication failed")
        secret.change("third-word")
        daemon.reload()
        daemon.wait_for("kafka's changed credentials count", count=2)
        feeder.ahead(200)
        secured_broker.stop()
        secured_broker.configure(USER.format("third-word"))
        secured_broker.start()
        feeder.ahead(500)
    assert daemon.log().count("Authentication failed") == refused
    settle(market, daemon)


def test_a_secret_that_only_a_restart_takes_over_is_named(own_redis, make_market, tmp_path):
    secret = Secret(tmp_path / "key-password", "first-word")
    market = make_market(settings={"kafka.secrets": [f"ssl.key.password={secret.path}"]})
    daemon = market.daemon()
    secret.change("second-word")
    daemon.reload()
    daemon.wait_for(" warning a changed setting needs a restart setting=kafka.secrets")
    assert daemon.stop() == 0
