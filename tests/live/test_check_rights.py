"""`orderd check` as a Kafka user with few rights, on a broker that keeps ACLs and would create any topic that it is asked for."""
import sys
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).resolve().parent / "chaos"))

from acls import DESCRIBE, DESCRIBE_CONFIGS, GROUP, READ, TOPIC, WRITE, allow     # noqa: E402
from broker import Broker       # noqa: E402
from checking import checked        # noqa: E402
from process import free_port       # noqa: E402

pytestmark = pytest.mark.xdist_group("check_rights")      # they share a broker

SECURE = """
listeners=PLAINTEXT://127.0.0.1:{port},SECURE://127.0.0.1:{secure},CONTROLLER://127.0.0.1:{controller}
advertised.listeners=PLAINTEXT://127.0.0.1:{port},SECURE://127.0.0.1:{secure}
listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT,SECURE:SASL_PLAINTEXT
controller.quorum.voters=1@127.0.0.1:{controller}
sasl.enabled.mechanisms=PLAIN
listener.name.secure.plain.sasl.jaas.config=org.apache.kafka.common.security.plain.PlainLoginModule required user_orderd="orderd";
authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer
super.users=User:ANONYMOUS
auto.create.topics.enable=true
"""


class SecureBroker(Broker):
    """One broker with a second listener, where a user (orderd, orderd) must show who it is and may do what ACLs allow."""

    def __init__(self, directory):
        super().__init__(directory)
        port, controller = free_port(), free_port()
        self.secure = f"127.0.0.1:{port}"
        with open(self._properties, "a", encoding="utf-8") as file:       # of two lines with one name the later counts
            file.write(SECURE.format(port=self.port, secure=port, controller=controller))


@pytest.fixture(scope="module")
def secure_broker(tmp_path_factory):
    broker = SecureBroker(tmp_path_factory.mktemp("kafka"))
    try:
        yield broker.start()
    finally:
        broker.kill()


@pytest.fixture
def market(make_market, secure_broker, tmp_path):
    """A market on the secure listener."""
    password = tmp_path / "password"
    password.write_text("orderd\n")
    password.chmod(0o600)
    return make_market(broker=secure_broker, settings={
        "kafka.brokers": secure_broker.secure, "kafka.secrets": [f"sasl.password={password}"],
        "kafka.client": ["security.protocol=SASL_PLAINTEXT", "sasl.mechanism=PLAIN", "sasl.username=orderd"]})


def needed(market):
    """The rights that the README names."""
    topics = (market.source, market.outcome_topic, market.dead_letter_topic)
    return [(GROUP, market.group, READ), *((TOPIC, topic, operation) for topic in topics for operation in (DESCRIBE, DESCRIBE_CONFIGS)),
            (TOPIC, market.source, READ), (TOPIC, market.outcome_topic, READ), (TOPIC, market.outcome_topic, WRITE), (TOPIC, market.dead_letter_topic, WRITE)]


def granted(market, *but):
    """Allows all that is needed but these rights."""
    for right in needed(market):
        if right not in but:
            allow(market.broker.bootstrap, *right)


def test_before_any_group_was_there_nothing_is_made(market):
    """First in this file: the broker has no topic of its own yet. The user of the plain listener may do everything."""
    before = topics(market)
    assert "__consumer_offsets" not in before
    all_rights = {"kafka__brokers": market.broker.bootstrap, "kafka__secrets": []}
    report = checked(market.make(kafka__client=[], **all_rights), code=0)
    assert "no group was ever in this cluster" in report.one(f"group {market.group}").found
    # Not even where the file says that a topic may be made by asking for it.
    absent = f"{market.dead_letter_topic}-absent"
    report = checked(market.make(kafka__dead_letters=absent, kafka__client=["allow.auto.create.topics=true"], **all_rights), code=78)
    assert report.one(f"topic {absent}").found == f"topic {absent} does not exist"
    assert topics(market) == before


def test_neither_does_a_dry_run_make_a_topic(market):
    before = topics(market)
    daemon = market.make(kafka__brokers=market.broker.bootstrap, kafka__secrets=[], kafka__client=[], kafka__dead_letters=f"{market.dead_letter_topic}-absent")
    assert "would be made" in daemon.command("init", "--create-topics", "--dry-run").stdout
    assert topics(market) == before


def topics(market):
    return set(market.broker.admin.list_topics(timeout=20).topics)


def test_without_any_right_to_write_there_is_no_producer(market):
    """Before the ones below: nobody has granted Write on any topic yet, which would be enough for a producer id."""
    granted(market, (TOPIC, market.outcome_topic, WRITE), (TOPIC, market.dead_letter_topic, WRITE))
    report = checked(market.make(), code=77)
    assert f"allow Write on topics {market.outcome_topic} and {market.dead_letter_topic}" in report.one("idempotent producer", "failure").do
    for topic in (market.outcome_topic, market.dead_letter_topic):      # where librdkafka can ask
        line = report.about(f"rights on {topic}")[-1]
        assert (line.kind, line.do) == ("failure", f"allow Write on topic {topic}") or "cannot ask for it" in line.found, line


def test_the_rights_that_the_readme_names_are_enough(market):
    granted(market)
    daemon = market.daemon()
    report = checked(daemon, code=0)
    assert report.one(f"rights on {market.source}").found == "Describe and Read"
    assert report.one("idempotent producer").kind == "ok"
    assert report.one(f"group {market.group}").found == "Stable, 1 member"
    assert report.one(f"settings of {market.source}").kind == "ok"
    for line in [*report.about(f"rights on {market.dead_letter_topic}"), *report.about("rights on group")]:
        assert line.kind == "ok" or (line.kind == "not_checked" and "cannot ask for it" in line.found), line


def test_a_user_without_any_right(market):
    report = checked(market.make(), code=77)
    for topic in (market.source, market.outcome_topic, market.dead_letter_topic):
        assert "allow Describe on it" in report.one(f"topic {topic}", "failure").do
    assert report.one("rights in Kafka").kind == "not_checked" and report.one("market").kind == "not_checked"


@pytest.mark.parametrize("lacks, about, do", [
    (lambda m: [(TOPIC, m.source, READ)], lambda m: f"rights on {m.source}", "allow Read on topic"),
    (lambda m: [(TOPIC, m.outcome_topic, READ)], lambda m: f"rights on {m.outcome_topic}", "allow Read on topic"),
    (lambda m: [(GROUP, m.group, READ)], lambda m: f"group {m.group}", "allow Read on group"),
], ids=["Read on the source", "Read on the outcomes", "Read on the group"])
def test_a_right_that_is_lacking(market, lacks, about, do):
    granted(market, *lacks(market))
    assert do in checked(market.make(), code=77).one(about(market), "failure").do


def test_settings_that_may_not_be_read_are_not_checked(market):
    granted(market, (TOPIC, market.outcome_topic, DESCRIBE_CONFIGS))
    line = checked(market.make(), code=0).one(f"settings of {market.outcome_topic}")
    assert line.kind == "not_checked" and "allow DescribeConfigs" in line.do


def test_a_wrong_password(market, tmp_path):
    (tmp_path / "password").write_text("wrong\n")
    line = checked(market.make(), code=77).one(f"kafka {market.broker.secure}", "failure")
    assert "uthentication" in line.found and "kafka.secrets" in line.do
