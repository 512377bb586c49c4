"""A real Apache Kafka broker (KRaft, one node) from Maven's artifacts, and what a test asks of it."""
import collections
import contextlib
import fcntl
import os
import subprocess
import uuid
from pathlib import Path

from confluent_kafka import OFFSET_BEGINNING, OFFSET_END, Consumer, KafkaError, KafkaException, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewPartitions, NewTopic

import rdkafka
from process import Server, free_port, last_of, start, until

HERE = Path(__file__).resolve().parent
LIBS = Path(os.environ.get("ORDERD_KAFKA_LIBS") or HERE.parent.parent / "build" / "kafka" / "libs")
JVM = ["-Xms128m", "-Xmx512m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Xshare:auto", "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn"]
PROPERTIES = """
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:{controller}
listeners=PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller}
advertised.listeners=PLAINTEXT://127.0.0.1:{port}
inter.broker.listener.name=PLAINTEXT
controller.listener.names=CONTROLLER
listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT
log.dirs={data}
log.cleaner.dedupe.buffer.size=2097152
offsets.topic.replication.factor=1
offsets.topic.num.partitions=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=1
group.initial.rebalance.delay.ms=0
group.min.session.timeout.ms=1000
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
auto.create.topics.enable=false
num.network.threads=2
num.io.threads=2
"""

# For every client here: after a restart of the broker nobody waits long before trying again, nor for a frozen one a whole minute.
CLIENT = {"log_level": 0, "reconnect.backoff.max.ms": 500, "socket.timeout.ms": 10000, "topic.metadata.refresh.interval.ms": 1000}

# A record as it is sent or was read. headers: [(name, bytes or None), …] in order. timestamp: ms.
Record = collections.namedtuple("Record", "partition offset key value headers timestamp")


def fetch_jars():
    """The broker's jars, copied by Maven once, kept outside git. They are there whole or not at all."""
    if not LIBS.is_dir():
        LIBS.parent.mkdir(parents=True, exist_ok=True)
        with open(LIBS.with_name(LIBS.name + ".lock"), "w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)      # tests that run side by side want them at the same time
            if not LIBS.is_dir():
                _copy_jars()
    return LIBS


def _copy_jars():
    part = LIBS.with_name(LIBS.name + ".part")
    copy = ["mvn", "-B", "-q", "-f", HERE / "pom.xml", "dependency:copy-dependencies", "-DincludeScope=runtime", f"-DoutputDirectory={part}"]
    for _ in range(2):      # a registry may be slow to answer
        if subprocess.run(copy).returncode == 0:
            break
    else:
        subprocess.run(copy, check=True)
    part.rename(LIBS)


class Broker(Server):
    """One broker process with its own data directory and ports. start() after stop() or kill() goes on with the same data."""

    replication = 1

    def __init__(self, directory, more=""):
        """more: properties besides; {port} and {controller} are the ports. See configure()."""
        self.directory = Path(directory)
        self.directory.mkdir(parents=True, exist_ok=True)
        self.port = free_port()
        self.bootstrap = f"127.0.0.1:{self.port}"
        self.process = None
        self._properties = self.directory / "server.properties"
        ports = {"port": self.port, "controller": free_port()}
        self._properties.write_text(PROPERTIES.format(**ports, data=self.directory / "data") + more.format(**ports))
        self._java = ["java", *JVM, "-cp", f"{fetch_jars()}/*"]
        self._log = open(self.directory / "log", "ab")
        self._clients, self._asked_last = {}, None
        subprocess.run([*self._java, "kafka.tools.StorageTool", "format", "--ignore-formatted", "-t", "4L6g3nShT-eMCtK--X86sw", "-c",
                        self._properties], check=True, stdout=self._log, stderr=self._log)

    # the process

    def start(self):
        self._forget_group()
        self.process = start([*self._java, "kafka.Kafka", self._properties], stdout=self._log, stderr=self._log)
        until(self._answers, 120, lambda: f"Kafka does not answer; {last_of(self.directory / 'log')}")
        return self

    def _answers(self):
        assert self.process.poll() is None, f"Kafka ended with {self.process.returncode}; {last_of(self.directory / 'log')}"
        try:
            return self.admin.list_topics(timeout=1).brokers
        except Exception:
            return False

    def configure(self, more):
        """Adds properties, which count from the next start; of two with one name the later counts."""
        with open(self._properties, "a") as properties:
            properties.write(more)

    # topics

    @property
    def admin(self):
        return self._client("admin", lambda: AdminClient({"bootstrap.servers": self.bootstrap, **CLIENT}))

    def _client(self, name, make):
        if name not in self._clients:
            self._clients[name] = make()
        return self._clients[name]

    def topic(self, word="t", partitions=1, name=None, **config):
        """Makes a topic and returns its name, random unless given; config: "max_message_bytes=2000000"."""
        name = name or f"{word}-{uuid.uuid4().hex[:8]}"
        settings = {key.replace("_", "."): str(value) for key, value in config.items()}
        self.admin.create_topics([NewTopic(name, partitions, self.replication, config=settings)])[name].result(30)
        until(lambda: self.partitions(name) == partitions, 20, f"topic {name} is not there")
        return name

    def partitions(self, topic):
        """The number of partitions; 0: no such topic."""
        found = self.admin.list_topics(topic, timeout=20).topics.get(topic)
        return len(found.partitions) if found and not found.error else 0

    def add_partitions(self, topic, total):
        self.admin.create_partitions([NewPartitions(topic, total)])[topic].result(30)
        until(lambda: self.partitions(topic) == total, 20, f"{topic} has no {total} partitions")
        for name in ("producer", "bounds"):        # they would go on for minutes with the partitions that they know
            self._clients.pop(name, None)

    def delete_topic(self, topic):
        self.admin.delete_topics([topic])[topic].result(30)
        until(lambda: self.partitions(topic) == 0, 20, f"topic {topic} is still there")

    def delete_records(self, topic, partition, before):
        """Retention by hand: the log then starts at `before`."""
        with rdkafka.Handle(self.bootstrap, "delete-records") as handle:
            handle.delete_records(topic, partition, before)

    # records

    @property
    def producer(self):
        return self._client("producer", lambda: Producer({
            "bootstrap.servers": self.bootstrap, **CLIENT, "linger.ms": 1, "enable.idempotence": True, "message.max.bytes": 2000000}))

    def send(self, topic, value, key=None, partition=0, headers=None, timestamp=0):
        """Sends one record, waits for its delivery, returns its offset."""
        return self.send_all(topic, [Record(partition, None, key, value, headers, timestamp)])[0]

    def send_all(self, topic, records):
        """Sends records in order, waits for all, returns their offsets in that order."""
        offsets, failed = [None] * len(records), []

        def report(index):
            def done(error, message):
                if error:
                    failed.append(error)
                else:
                    offsets[index] = message.offset()
            return done

        for index, r in enumerate(records):
            until(lambda: self._produce(topic, r, report(index)), 60, f"the producer knows no topic {topic}")
            self.producer.poll(0)
        assert self.producer.flush(60) == 0 and not failed, failed
        return offsets

    def _produce(self, topic, r, report):
        """False: not yet, since it has as many as it holds, or remembers of a topic that was made anew that the old one is gone."""
        try:
            self.producer.produce(topic, value=r.value, key=r.key, partition=r.partition, headers=list(r.headers or []), timestamp=r.timestamp or 0,
                                  on_delivery=report)
            return True
        except BufferError:
            pass
        except KafkaException as error:
            if error.args[0].code() != KafkaError._UNKNOWN_TOPIC:
                raise
        self.producer.poll(0.1)
        return False

    def bounds(self, topic, partition=0):
        """(first offset, end offset)"""
        consumer = self._client("bounds", lambda: Consumer({"bootstrap.servers": self.bootstrap, "group.id": "bounds", **CLIENT}))
        return consumer.get_watermark_offsets(TopicPartition(topic, partition), timeout=20)

    @contextlib.contextmanager
    def uncommitted(self):
        """A consumer that is told of records of open transactions, too: its ends of logs are the real ones."""
        consumer = Consumer({"bootstrap.servers": self.bootstrap, "group.id": "uncommitted", "isolation.level": "read_uncommitted", **CLIENT})
        try:
            yield consumer
        finally:
            consumer.close()

    def ends(self, topic):
        """{partition: end offset}"""
        return {number: self.bounds(topic, number)[1] for number in range(self.partitions(topic))}

    def reader(self, topic, from_end=False):
        return Reader(self.bootstrap, topic, self.partitions(topic), from_end)

    def stream(self, topic, partition, end):
        """The partition's records up to `end`, one after the other; what was handed out is not kept."""
        reader = Reader(self.bootstrap, topic, self.partitions(topic), only=partition)
        try:
            while reader.records or reader.position(partition) < end:
                taken, reader.records = reader.records, []
                yield from (record for record in taken if record.offset < end)
                reader.poll(0.05)
        finally:
            reader.close()

    def read(self, topic):
        """Every record of the topic up to its present end, ordered by partition and offset."""
        ends = self.ends(topic)
        reader = self.reader(topic)
        try:
            until(lambda: reader.poll(0.01) or all(reader.position(p) >= end for p, end in ends.items()), 60, f"{topic} cannot be read")
            return sorted((r for r in reader.records if r.offset < ends[r.partition]), key=lambda r: (r.partition, r.offset))
        finally:
            reader.close()

    # groups

    def committed(self, group, topic):
        """{partition: (offset or None, metadata)}. Who waits for an offset asks many times: the client of the last group stays."""
        if not self._asked_last or self._asked_last.group != group:
            self._forget_group()
            self._asked_last = rdkafka.Handle(self.bootstrap, group)
        return self._asked_last.committed(topic, self.partitions(topic))

    def _forget_group(self):
        if self._asked_last:
            self._asked_last.close()
        self._asked_last = None

    def commit(self, group, topic, partition, offset):
        """Sets a group's offset by hand; nobody may be in the group."""
        with rdkafka.Handle(self.bootstrap, group) as handle:
            handle.commit(topic, partition, offset)


class Reader:
    """Follows a topic from its start; `records` grows with every poll."""

    def __init__(self, bootstrap, topic, partitions, from_end=False, only=None):
        """only: of one partition, not of all."""
        self.records = []
        self._positions = {}
        self._consumer = Consumer({"bootstrap.servers": bootstrap, "group.id": f"reader-{uuid.uuid4().hex}", "enable.auto.commit": False,
                                   "auto.offset.reset": "earliest", "enable.partition.eof": True, "fetch.wait.max.ms": 20, **CLIENT})
        self._consumer.list_topics(topic, timeout=20)      # it then knows the leaders at once, instead of after half a second
        self._consumer.assign([TopicPartition(topic, n, OFFSET_END if from_end else OFFSET_BEGINNING) for n in ([only] if only is not None else range(partitions))])

    def poll(self, timeout):
        """Takes what is there within `timeout`; returns nothing."""
        for message in self._consumer.consume(1000, timeout):
            if message.error():
                assert message.error().code() in (KafkaError._PARTITION_EOF, KafkaError._TRANSPORT, KafkaError._ALL_BROKERS_DOWN), message.error()
                if message.error().code() == KafkaError._PARTITION_EOF:
                    self._positions[message.partition()] = message.offset()
                continue
            self._positions[message.partition()] = message.offset() + 1
            self.records.append(Record(message.partition(), message.offset(), message.key(), message.value(),
                                       list(message.headers() or []), message.timestamp()[1]))

    def position(self, partition):
        return self._positions.get(partition, 0)

    def close(self):
        self._consumer.close()
