"""A market under load with several instances, to which a play does something, and the quiet phase with the audit that ends it."""
import contextlib
import re
import time

from audit import Audit
from load import Feeder
from market import Market
from process import until
from refusals import REFUSED, run

# A broker that hangs but is not dead is given up by librdkafka after socket.timeout.ms, a minute unless told otherwise; and who leads
# instead it may learn only with topic.metadata.refresh.interval.ms, five minutes.
CLIENT = ["reconnect.backoff.max.ms=500", "socket.timeout.ms=4000", "api.version.request.timeout.ms=2000",
          "topic.metadata.refresh.interval.ms=1000"]
SESSION = ["session.timeout.ms=3000", "heartbeat.interval.ms=300", "fetch.wait.max.ms=20"]
STILL_S = 2


class Play:
    """with Play(stage.cluster, server, room, settings={…}) as play: …; play.audit()

    The market's load goes on until quiet() or audit(); the daemons run. per_instance: settings of the n-th daemon by name with "__".
    """

    def __init__(self, cluster, server, room, instances=2, partitions=2, settings=None, seed=1, chunk=8, pause=0.1, events=10000):
        self.market = Market(cluster, server, room, partitions=partitions, settings={
            "kafka.client": CLIENT, "kafka.consumer": SESSION, "drain.revoke_ms": 2000, "redis.command_timeout_ms": 2000, **(settings or {})})
        self.market.start_state()
        self.daemons = [self.market.make() for _ in range(instances)]
        self.feeder = Feeder(self.market, partitions, count=events, seed=seed, chunk=chunk, pause=pause)

    def __enter__(self):
        try:
            for daemon in self.daemons:
                daemon.start()
            self.feeder.__enter__()
            self.goes_on()
        except BaseException:
            self.__exit__(True)
            raise
        return self

    def __exit__(self, kind, *_):
        if self.feeder._thread.ident:
            self.feeder.__exit__(kind)
        self.market.close()

    def decided(self):
        return sum(int(self.market.mark(p).get("next", 0)) for p in range(self.market.partitions))

    def goes_on(self, count=100, timeout=240):
        """So many more events are decided."""
        goal = self.decided() + count
        until(lambda: self.decided() >= goal, timeout, lambda: f"only {self.decided()} of {goal} decided\n{self.tails()}")

    def stands_still(self):
        """Nobody decides anything for so long that it is no chance: events are sent ten times a second."""
        seen, since = self.decided(), time.monotonic()

        def still():
            nonlocal seen, since
            if self.decided() != seen:
                seen, since = self.decided(), time.monotonic()
            return time.monotonic() - since > STILL_S
        until(still, 90, lambda: f"events are still decided\n{self.tails()}")

    @staticmethod
    def lasts(seconds):
        """How long a fault goes on."""
        end = time.monotonic() + seconds
        until(lambda: time.monotonic() >= end, seconds + 5, "")

    @contextlib.contextmanager
    def says_again(self, text, timeout=120):
        """Every daemon says it (once more) from here on, before the with block is left."""
        before = [daemon.whole_log().count(text) for daemon in self.daemons]
        yield
        until(lambda: all(d.whole_log().count(text) > n for d, n in zip(self.daemons, before)), timeout, lambda: f"not said: {text}\n{self.tails()}")

    def told(self):
        return sum(self.market.broker.ends(self.market.outcome_topic).values())

    def tails(self):
        return "\n".join(f"{d.name} exit={d.exit_code}\n{d.tail(15)}" for d in self.daemons)

    def start(self):
        """Starts those that have ended."""
        for daemon in self.daemons:
            if not daemon.alive:
                daemon.start()

    def resolve(self, timeout=120):
        """Runs each command that a refusal in the logs names, once, until every instance goes on; returns what they said. Of a rollback it has the events
        decided again; that they are applied again as they were decided is what judgement.py does."""
        done, said = set(), []

        def mended():
            for daemon in self.daemons:
                for line in re.findall(REFUSED, daemon.log()):
                    command = re.search(r'resolve="([^"]*)"', line)
                    command = command and command[1].replace("--reapply", "--accept-rollback")
                    if command and command not in done:
                        done.add(command)
                        result = run(command)
                        said.append(result.stdout + result.stderr)
                if not daemon.alive:
                    daemon.start(wait=False)
            return done and not self.market.meta().get("halt") and not Audit(self.market).unsettled()
        self.feeder.__exit__(None)
        until(mended, timeout, lambda: f"{said}\n{Audit(self.market).unsettled()}\n{self.tails()}")
        return "".join(said)

    def quiet(self, timeout=180):
        """No more load and no more faults: everything comes to rest."""
        self.feeder.__exit__(None)
        for daemon in self.daemons:
            assert daemon.alive, daemon.tail()
        until(lambda: not Audit(self.market).unsettled(), timeout, lambda: f"{Audit(self.market).unsettled()}\n{self.tails()}")

    def audit(self, **options):
        self.quiet()
        return self.market.audit(**options)
