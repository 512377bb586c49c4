"""`orderd init --create-topics`: what is missing is made as the daemon wants it, what is there stays."""
import uuid

from daemon import Orderd
from market import deposit


def names():
    tag = uuid.uuid4().hex[:8]
    return {"kafka.topics": [f"new-{tag}"], "kafka.outcomes": f"new-{tag}.outcomes", "kafka.dead_letters": f"new-{tag}.dead"}


def daemon_with(broker, redis_server, tmp_path, topics):
    return Orderd(tmp_path, {"kafka.brokers": broker.bootstrap, "kafka.group": f"group-{uuid.uuid4().hex[:8]}", "redis.address": redis_server.address,
                             "redis.prefix": uuid.uuid4().hex[:8] + ":", **topics})


def test_missing_topics_are_refused_with_the_command_and_made_by_it(broker, redis_server, tmp_path):
    topics = names()
    daemon = daemon_with(broker, redis_server, tmp_path, topics)
    daemon.start(wait=False)
    assert daemon.wait_exit() == 78
    assert f"resolve=\"orderd init -c {daemon.file} --create-topics\"" in daemon.log()

    dry = daemon.command("init", "--create-topics", "--dry-run")
    assert dry.returncode == 0 and dry.stdout.count("would be made") == 3
    made = daemon.command("init", "--create-topics")
    assert made.returncode == 0 and made.stdout.count(" is made with ") == 3
    assert "max.message.bytes=1114124" in made.stdout, "64 KiB more than a source takes, for what a dead letter says besides"

    daemon.start()
    assert daemon.stop() == 0
    again = daemon.command("init", "--create-topics")
    assert again.returncode == 0 and again.stdout.count("is there with") == 3


def test_an_outcome_topic_with_too_few_partitions_is_given_more(broker, make_market):
    market = make_market(partitions=3)
    few = f"few-{uuid.uuid4().hex[:8]}"
    broker.topic(name=few)
    daemon = market.make(kafka__outcomes=few)
    daemon.start(wait=False)
    assert daemon.wait_exit() == 78
    assert f"the outcome topic {few} has 1 partitions, a source has 3" in daemon.log() and "--create-topics" in daemon.log()
    assert daemon.command("init", "--create-topics").returncode == 0
    market.outcome_topic = few
    daemon.start()
    market.play([deposit("a", 1)], partition=2)
    assert market.funds("a") == 1
