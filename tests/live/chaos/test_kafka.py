"""Brokers die, freeze, are cut off, fill their disk, and take the user's rights away, under several daemons and load."""
import os

import pytest
from acls import DESCRIBE, DESCRIBE_CONFIGS, GROUP, READ, TOPIC, WRITE, allow, revoke
from faults import NoReplies
from isolate import Isolated
from play import CLIENT, Play
from process import until


def whole(stage):
    until(stage.cluster.whole, 90, "the cluster is not whole")


def frozen(stage, play):
    node = stage.cluster.leader(play.market.outcome_topic)
    node.freeze()
    play.goes_on()
    node.thaw()


def cut_off(stage, play):
    """The leader hears everybody and is heard by nobody; who leads instead decides, and what it took alone is forgotten."""
    node = stage.cluster.leader(play.market.outcome_topic)
    with Isolated(node.group):
        play.goes_on()


def replies_dropped(stage, play):
    """The leader keeps its office, since the controller hears it, and no client does: what it leads has to wait."""
    with NoReplies(stage.cluster.leader(play.market.source).port):
        play.lasts(4)


def disk_full(stage, play):
    """A broker that finds no room ends itself; the other two go on, and with room it comes back."""
    node = stage.cluster.nodes[2]
    stage.disk.fill()
    try:
        until(lambda: not node.alive, 60, "the broker does not mind a full disk")
        play.goes_on()
    finally:
        stage.disk.empty()
        node.start()


def all_frozen(stage, play):
    stage.cluster.freeze()
    play.lasts(4)
    stage.cluster.thaw()


def all_killed(stage, play):
    stage.cluster.kill()
    play.stands_still()
    stage.cluster.start()


ROOT_ONLY = (cut_off, replies_dropped, disk_full)


def brokers(stage, room, faults=(cut_off, disk_full, replies_dropped, frozen, all_frozen, all_killed)):
    """One market with a durable Redis goes through all of it."""
    with Play(stage.cluster, stage.pair.master, room, instances=3, partitions=3, settings={"redis.durability": "replicas:1"}) as play:
        for fault in faults:
            if fault in ROOT_ONLY and os.geteuid() != 0:
                continue
            fault(stage, play)
            play.goes_on(50)
            whole(stage)
        play.audit()


def rights(stage, room):
    """The daemons' user loses one right after the other: they wait or stop, and go on when it is given back."""
    password = room / "password"
    password.write_text("orderd")
    password.chmod(0o600)
    play = Play(stage.cluster, stage.pair.master, room, settings={
        "kafka.brokers": stage.cluster.secure, "kafka.secrets": [f"sasl.password={password}"],
        "kafka.client": [*CLIENT, "security.protocol=SASL_PLAINTEXT", "sasl.mechanism=PLAIN", "sasl.username=orderd"]})
    m, bootstrap = play.market, stage.cluster.bootstrap
    needed = [(GROUP, m.group, READ), (TOPIC, m.source, READ), (TOPIC, m.source, DESCRIBE_CONFIGS), (TOPIC, m.outcome_topic, READ),
              (TOPIC, m.outcome_topic, WRITE), (TOPIC, m.outcome_topic, DESCRIBE_CONFIGS), (TOPIC, m.dead_letter_topic, WRITE),
              (TOPIC, m.dead_letter_topic, DESCRIBE), (TOPIC, m.dead_letter_topic, DESCRIBE_CONFIGS)]
    for right in needed:
        allow(bootstrap, *right)
    with play:
        for right in ((TOPIC, m.source, READ), (TOPIC, m.outcome_topic, WRITE), (GROUP, m.group, READ)):
            revoke(bootstrap, *right)
            play.stands_still()
            allow(bootstrap, *right)
            play.start()
            play.goes_on()
        play.audit()


PLAYS = {"brokers": brokers, "rights": rights}


@pytest.mark.parametrize("name", PLAYS)
def test_with_load_and_several_daemons(plays, name):
    plays[name].result()
