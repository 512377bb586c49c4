"""A market's dead letters, and `orderd dead-letter` on them."""
import json
import subprocess

from confluent_kafka import TopicPartition

from daemon import BINARY
from process import start, until

DEATH = BINARY.parent.parent / "tests" / "libredrive_death.so"


class Box:
    """Of a market whose first daemon has the file that the command reads. death: see redrive_death.c."""

    def __init__(self, market):
        self.market, self.daemon = market, market.daemons[0]

    def run(self, verb, *arguments, death=None):
        """A CompletedProcess."""
        process = self.start(verb, *arguments, death=death)
        out, err = process.communicate(timeout=90)
        return subprocess.CompletedProcess(process.args, process.returncode, out, err)

    def start(self, verb, *arguments, death=None):
        return start([BINARY, "dead-letter", verb, *arguments, "-c", self.daemon.file], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                     environment={"LD_PRELOAD": DEATH, "ORDERD_DEATH": death} if death else None)

    def lines(self, verb, *arguments, code=0):
        """What it says with --json."""
        ended = self.run(verb, *arguments, "--json")
        assert ended.returncode == code, ended.stdout + ended.stderr
        return [json.loads(line) for line in ended.stdout.splitlines()]

    def fill(self, *values, **options):
        """Sends malformed messages, each value's alone with these options; returns their places once they are dead letters."""
        offsets = [self.market.send(value, **options) for value in values]
        return self.places(offsets, options.get("partition", 0))

    def places(self, offsets, partition=0):
        found = {}

        def there():
            found.update({line["source"]["offset"]: line["place"] for line in
                          self.lines("list", "--source", f"{self.market.source}:{partition}:{min(offsets)}-{max(offsets)}")})
            return set(offsets) <= set(found)

        until(there, 20, lambda: f"{offsets} are no dead letters, only {found}")
        return [found[offset] for offset in offsets]

    def source(self):
        """Every committed message of the source. What was committed may be seen a moment later: no transaction is open then."""
        broker, topic = self.market.broker, self.market.source
        with broker.uncommitted() as consumer:
            partitions = range(broker.partitions(topic))
            until(lambda: all(consumer.get_watermark_offsets(TopicPartition(topic, n), 20)[1] == broker.bounds(topic, n)[1] for n in partitions), 40,
                  "a transaction stays open")
        return broker.read(topic)

    def sent_back(self, *places):
        """The committed messages of the source that are this letter; of several, how many each has."""
        source, found = self.source(), []
        for place in places:
            name = f"{self.market.dead_letter_topic}/{place.replace(':', '/')}".encode()
            found.append([r for r in source if ("dlq.redrive.of", name) in r.headers])
        return found[0] if len(places) == 1 else [len(records) for records in found]
