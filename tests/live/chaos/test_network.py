"""A daemon is cut off by the network, from Kafka, from Redis or from both, and comes back when others have gone on; and a broker from the others."""
import os
import re

import pytest
from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient, NewTopic
from broker import CLIENT
from isolate import Isolated
from market import Market
from network import Network
from play import Play
from process import until

ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="needs root: network namespaces and iptables")


def held(daemon):
    """The partitions that the daemon has, by what it says itself."""
    partitions = set()
    for line in daemon.log().splitlines():
        if "revoked by the group" in line:
            partitions.clear()
        elif taken := re.search(r"took over topic=\S+ partition=(\d+)", line):
            partitions.add(int(taken[1]))
    return partitions


class Apart:
    """A play with two daemons, the first of which lives in a network of its own."""

    def __init__(self, stage, room):
        self.brokers, self.redis = [node.port for node in stage.cluster.nodes], [stage.pair.master.port]
        self.network = Network(self.brokers + self.redis)
        self.play = Play(stage.cluster, stage.pair.master, room, settings={"redis.address": stage.pair.master.tcp_address})
        self.daemon, self.other = self.play.daemons
        self.daemon.network = self.network.path

    def __enter__(self):
        self.play.__enter__()
        return self

    def __exit__(self, kind, *_):
        self.play.__exit__(kind)
        self.network.__exit__()

    def both_work(self):
        until(lambda: held(self.daemon) and held(self.other) and not held(self.daemon) & held(self.other), 120,
              lambda: f"they do not share the partitions\n{self.play.tails()}")
        self.play.goes_on(30)

    def other_has_all(self):
        until(lambda: len(held(self.other)) == self.play.market.partitions, 120, lambda: f"nobody takes over\n{self.play.tails()}")
        self.play.goes_on(60)


def taken_over(stage, room, away_from):
    """The group gives the partitions of the one that is away to the other, twice."""
    with Apart(stage, room) as scene:
        for _ in range(2):
            scene.both_work()
            with scene.network.cut(away_from(scene)):
                scene.other_has_all()
        scene.both_work()
        scene.play.audit()


def away_from_kafka(stage, room):
    """It could still reach Redis, where the other's epochs stop it."""
    taken_over(stage, room, lambda scene: scene.brokers)


def away_from_both(stage, room):
    """What was on its way to Redis comes there when it is back, long after the take-over."""
    taken_over(stage, room, lambda scene: scene.brokers + scene.redis)


def away_from_redis(stage, room):
    """It stays in the group, so nobody takes over: its partitions wait, the other's go on."""
    with Apart(stage, room) as scene:
        for _ in range(2):
            scene.both_work()
            mine, = held(scene.daemon)
            with scene.network.cut(scene.redis):
                before = scene.daemon.log().count("redis is away")
                scene.daemon.wait_for("redis is away", 60, count=before + 1)
                stood = scene.play.market.mark(mine)
                scene.play.goes_on(60)
                assert scene.play.market.mark(mine) == stood
        scene.both_work()
        scene.play.audit()


PLAYS = {play.__name__: play for play in (away_from_kafka, away_from_both, away_from_redis)}


@ROOT
@pytest.mark.parametrize("name", PLAYS)
def test_a_daemon_cut_off(plays, name):
    plays[name].result()


def made_by(nodes, name):
    """Asked again while they have no controller."""
    client = AdminClient({"bootstrap.servers": ",".join(f"127.0.0.1:{node.port}" for node in nodes), **CLIENT})
    try:
        client.create_topics([NewTopic(name, 1, len(nodes))])[name].result(15)
        return True
    except KafkaException as failure:
        return failure.args[0].name() == "TOPIC_ALREADY_EXISTS"


@ROOT
def test_a_broker_that_does_not_hear_of_a_new_topic_is_not_believed(stage):
    """The one broker that the daemon asks at its start is cut off from the controllers; the topic is there all the same."""
    node, market = stage.cluster.nodes[0], Market(stage.cluster, stage.pair.master, stage.room("late"))
    market.start_state()
    late = f"late-{market.group}"
    try:
        with Isolated(node.group, [each.controller for each in stage.cluster.nodes]):
            until(lambda: made_by(stage.cluster.others(node), late), 90, "the other brokers make no topic")
            daemon = market.make(kafka__brokers=f"127.0.0.1:{node.port}", kafka__outcomes=late).start(wait=False)
            daemon.wait_for(f"not every broker may know .*topic {late} does not exist", 60)
        daemon.wait_for("running group=", 90)
        market.outcome_topic = late
        market.play([{"id": "d1", "type": "deposit", "user": "u", "amount": 1}])
        market.audit()
    finally:
        market.close()
