"""Three Kafka brokers (KRaft, each broker and controller) as one cluster: replication factor 3, min.insync.replicas 2, no unclean election."""
import base64
import os
import re
import shutil
import signal
import subprocess
import uuid
from pathlib import Path

import rdkafka
from broker import CLIENT, JVM, PROPERTIES, Broker, fetch_jars
from confluent_kafka import KafkaException, Producer
from confluent_kafka.admin import AdminClient, NewTopic
from process import Server, free_port, last_of, start, until

SECURE = """
listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT,SECURE:SASL_PLAINTEXT
sasl.enabled.mechanisms=PLAIN
listener.name.secure.plain.sasl.jaas.config=org.apache.kafka.common.security.plain.PlainLoginModule required user_orderd="orderd";
authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer
super.users=User:ANONYMOUS
"""
CLUSTER = """
node.id={number}
controller.quorum.voters={voters}
listeners=PLAINTEXT://127.0.0.1:{port},SECURE://127.0.0.1:{secure},CONTROLLER://127.0.0.1:{controller}
advertised.listeners=PLAINTEXT://127.0.0.1:{port},SECURE://127.0.0.1:{secure}
log.dirs={data}
default.replication.factor=3
min.insync.replicas=2
unclean.leader.election.enable=false
offsets.topic.replication.factor=3
offsets.topic.num.partitions=3
broker.session.timeout.ms=3000
broker.heartbeat.interval.ms=500
controller.quorum.fetch.timeout.ms=1500
controller.quorum.election.timeout.ms=500
controller.quorum.request.timeout.ms=1500
replica.lag.time.max.ms=3000
replica.fetch.wait.max.ms=100
leader.imbalance.check.interval.seconds=5
"""


class Node(Server):
    """One broker's process; start() after kill() goes on with the same data. It runs under a group id of its own (as root), by which
    the kernel can tell what it sends."""

    def __init__(self, directory, number, java):
        self.number, self.directory, self._java = number, Path(directory), java
        self.directory.mkdir(parents=True, exist_ok=True)
        self.data = self.directory / "data"
        self.port, self.secure, self.controller = free_port(), free_port(), free_port()
        self.properties = self.directory / "server.properties"
        self.process, self.group = None, 43000 + free_port() % 1000 * 4 + number

    def configure(self, voters):
        """The one broker's properties with the cluster's on top: of two lines with one name the later counts."""
        common = PROPERTIES.format(port=self.port, controller=self.controller, data=self.data)
        own = CLUSTER.format(number=self.number, voters=voters, port=self.port, secure=self.secure, controller=self.controller, data=self.data)
        self.properties.write_text(common + own + SECURE)

    def start(self):
        log = open(self.directory / "log", "ab")
        self.process = start([*self._java, "kafka.Kafka", self.properties], group=self.group if os.geteuid() == 0 else None, stdout=log, stderr=log)
        log.close()
        return self

    @property
    def alive(self):
        return self.process is not None and self.process.poll() is None


class Cluster(Broker):
    """Three Nodes behind the interface of one Broker; secure: the addresses where a user (orderd, orderd) must show who it is."""

    replication = 3

    def __init__(self, directory):
        self.directory = Path(directory)
        self._java = ["java", *[option for option in JVM if not option.startswith("-Xm")], "-Xms64m", "-Xmx256m", "-cp", f"{fetch_jars()}/*"]
        self._clients = {}
        self.nodes = [Node(self.directory / f"node{n}", n, self._java) for n in (1, 2, 3)]
        voters = ",".join(f"{n.number}@127.0.0.1:{n.controller}" for n in self.nodes)
        for node in self.nodes:
            node.configure(voters)
        self.bootstrap = ",".join(f"127.0.0.1:{n.port}" for n in self.nodes)
        self.secure = ",".join(f"127.0.0.1:{n.secure}" for n in self.nodes)
        self._format()

    def _format(self):
        """The first node's storage by Kafka's tool; the others' differ from it by two identities, which saves two starts of Java."""
        first = self.nodes[0]
        subprocess.run([*self._java, "kafka.tools.StorageTool", "format", "-t", "4L6g3nShT-eMCtK--X86sw", "-c", first.properties],
                       check=True, capture_output=True)
        for node in self.nodes[1:]:
            shutil.copytree(first.data, node.data)
            identity = base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
            meta = (node.data / "meta.properties").read_text()
            meta = re.sub(r"node\.id=.*", f"node.id={node.number}", meta)
            (node.data / "meta.properties").write_text(re.sub(r"directory\.id=.*", f"directory.id={identity}", meta))

    def start(self):
        for node in self.nodes:
            if not node.alive:
                node.start()
        until(self.whole, 180, lambda: "\n".join(["the cluster is not whole", *(last_of(node.directory / "log") for node in self.nodes)]))
        return self

    def whole(self):
        """Every broker answers, and every replica of every partition is in sync."""
        for node in self.nodes:
            assert node.alive, f"broker {node.number} ended with {node.process.returncode}; {last_of(node.directory / 'log')}"
        try:
            found = self.admin.list_topics(timeout=2)
        except Exception:
            return False
        partitions = [p for t in found.topics.values() for p in t.partitions.values()]
        return len(found.brokers) == len(self.nodes) and all(len(p.isrs) == len(p.replicas) and p.leader >= 0 for p in partitions)

    @property
    def producer(self):
        """Not idempotent: that kind ends for good when a broker loses track of it, and a record that comes twice is one more event."""
        return self._client("producer", lambda: Producer({
            "bootstrap.servers": self.bootstrap, **CLIENT, "linger.ms": 1, "acks": "all", "max.in.flight": 1, "message.max.bytes": 2000000}))

    def committed(self, group, topic):
        """Asked anew each time, since several plays ask at once, and again while the group's coordinator is being looked for."""
        found = []

        def asked():
            with rdkafka.Handle(self.bootstrap, group) as handle:
                try:
                    found.append(handle.committed(topic, self.partitions(topic)))
                except KafkaException:
                    return False
            return True
        until(asked, 90, f"nobody tells what {group} has committed")
        return found[-1]

    def topic(self, word="t", partitions=1, name=None, **config):
        """By a client of its own, another one while the last does not find the controller; several plays make theirs at once."""
        settings = {key.replace("_", "."): str(value) for key, value in config.items()}
        made = []

        def asked():
            client = AdminClient({"bootstrap.servers": self.bootstrap, **CLIENT})
            made.append(name or f"{word}-{uuid.uuid4().hex[:8]}")
            try:
                client.create_topics([NewTopic(made[-1], partitions, self.replication, config=settings)])[made[-1]].result(30)
            except KafkaException:
                return False
            return True
        until(asked, 90, "no topic can be made")
        until(lambda: self.partitions(made[-1]) == partitions, 60, f"topic {made[-1]} is not there")
        return made[-1]

    def bounds(self, topic, partition=0):
        """Asked again while a leader is being looked for."""
        found = []

        def asked():
            try:
                found.append(super(Cluster, self).bounds(topic, partition))
            except KafkaException:
                return False
            return True
        until(asked, 60, f"nobody leads {topic}:{partition}")
        return found[-1]

    def leader(self, topic, partition=0):
        """The Node that leads a partition."""
        found = self.admin.list_topics(topic, timeout=20).topics[topic].partitions[partition].leader
        return next((n for n in self.nodes if n.number == found), None)

    def kill(self):
        for node in self.nodes:
            node.kill()

    def others(self, node):
        return [n for n in self.nodes if n is not node]

    def freeze(self):
        for node in self.nodes:
            node.freeze()

    def thaw(self):
        for node in self.nodes:
            node.thaw()

    def stop(self):
        for node in self.nodes:
            if node.alive:
                node.process.send_signal(signal.SIGTERM)
        for node in self.nodes:
            if node.process:
                node.process.wait(60)
