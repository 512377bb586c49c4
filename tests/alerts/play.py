"""Plays all scenes side by side, each in a thread of its own, before one Prometheus; and says what was raised when."""
import collections
import contextlib
import re
import shutil
import tempfile
import threading
import time
import traceback
from pathlib import Path

from dashboard import QUERIES, filled
from prometheus import Prometheus
from promtool import rules, seconds
from scenes import Room

from broker import Broker
from process import until
from redisserver import RedisServer

FIRES_WITHIN_S, CLEARS_WITHIN_S = 30, 60        # after the fault, besides the alert's `for`; after the mend
PATIENCE_S = 60                                 # how much longer it is waited for what is late
QUIET_S = 32          # all is well so long before the faults: as long as the rules look back
HOLD_S = 5                                      # how long a fault stays after it was noticed: nothing else may be raised

Timing = collections.namedtuple("Timing", "waits fired cleared")     # seconds; `for` in this run, after the fault, after the mend


def waits(alert, factor):
    """The alert's `for` in seconds, in a run with this factor."""
    found = re.search(r"(?m)^        for: (\w+)$", rules()[alert])
    return max(1, round(seconds(found[1]) / factor)) if found else 0


class Play(threading.Thread):
    """One scene. Afterwards: expected, a set; timings, {alert: Timing}; unexpected, a set; failure, a text or None; logs, the ends of
    the daemons' logs.

    It is one thread from begin to end, since what a thread starts or traces depends on it.
    """

    def __init__(self, stage, scene):
        super().__init__(name=scene.__name__)
        self.stage, self.scene = stage, scene
        self.room = Room(scene.__name__.replace("_", "-"), stage.broker, stage.server, stage.directory / scene.__name__)
        self.ready, self.noticed, self.finished = threading.Event(), threading.Event(), threading.Event()
        self.expected, self.timings, self.unexpected, self.texts, self.failure, self.logs = set(), {}, set(), [], None, ""
        self.start()

    def run(self):
        try:
            self._play()
        except BaseException:
            self.failure = traceback.format_exc()
        finally:
            for event in (self.ready, self.noticed, self.finished):
                event.set()
            self.stage.done.wait()
            self.logs = "\n".join(f"--- {daemon.file.name} exit={daemon.exit_code}\n{daemon.tail()}" for daemon in self.room.daemons)
            self.room.close()

    def _play(self):
        acts = self.scene(self.room)
        next(acts)
        self.ready.set()
        self.stage.begin.wait()
        prometheus, job = self.stage.prometheus, self.room.job
        self.expected, broken = next(acts), time.monotonic()
        longest = max((waits(alert, self.stage.factor) for alert in self.expected), default=0)
        with contextlib.suppress(AssertionError):
            until(lambda: self.expected <= prometheus.fires(job), longest + FIRES_WITHIN_S + PATIENCE_S, "")
        self.texts = [alert for alert in prometheus.alerts() if alert["labels"].get("job") == job]
        self.noticed.set()
        if not self.expected:
            self.stage.all_noticed.wait()
        time.sleep(HOLD_S)
        fired = prometheus.fired(job, broken)
        for _ in acts:
            pass
        mended = time.monotonic()
        with contextlib.suppress(AssertionError):
            until(lambda: not prometheus.fires(job), CLEARS_WITHIN_S + PATIENCE_S, "")
        time.sleep(HOLD_S)
        for alert in self.expected & fired.keys():
            until_when = prometheus.firing[job, alert][-1][1]
            self.timings[alert] = Timing(waits(alert, self.stage.factor), max(0, fired[alert] - broken),
                                         None if until_when is None else max(0, until_when - mended))
        self.unexpected = prometheus.fired(job).keys() - self.expected

    def faults(self):
        """What is wrong with what was raised: a list of sentences."""
        if self.failure:
            return [self.failure]
        found = [f"{alert} was raised" for alert in sorted(self.unexpected)]
        for alert in sorted(self.expected):
            timing = self.timings.get(alert)
            if not timing:
                found.append(f"{alert} was not raised")
            elif timing.fired > timing.waits + FIRES_WITHIN_S:
                found.append(f"{alert} was raised {timing.fired:.0f} s after the fault; its `for` is {timing.waits} s")
            elif timing.cleared is None or timing.cleared > CLEARS_WITHIN_S:
                found.append(f"{alert} was there {'for ever' if timing.cleared is None else f'{timing.cleared:.0f} s'} after the mend")
        found += [f"{alert['labels']['alertname']} says: {text}" for alert in self.texts for text in alert["annotations"].values()
                  if re.search(r"<no value>|error calling|<error", text)]
        return found


class Stage:
    """The run: broker, Redis and Prometheus for all of its scenes. `factor`: what the `for` of each rule is divided by.

    shown: {query of the dashboard: what it says of the scene that goes well}.
    """

    def __init__(self, scenes, factor):
        self.factor = factor
        self.directory = Path(tempfile.mkdtemp(prefix="orderd-alerts-"))
        self.begin, self.all_noticed, self.done = threading.Event(), threading.Event(), threading.Event()
        self.plays, self.shown, self.prometheus, self.broker, self.server = [], {}, None, None, None
        try:
            self._run(scenes)
        finally:
            for event in (self.begin, self.all_noticed, self.done):
                event.set()
            for play in self.plays:
                play.join(60)
            for server in filter(None, (self.broker, self.server)):
                server.kill()
            shutil.rmtree(self.directory, ignore_errors=True)

    def _run(self, scenes):
        self.server = RedisServer(self.directory / "redis").start()
        self.broker = Broker(self.directory / "kafka").start()
        self.plays = [Play(self, scene) for scene in scenes]
        for play in self.plays:
            play.ready.wait()
        jobs = {play.room.job: play.room.targets for play in self.plays if play.room.targets}
        with Prometheus(self.directory, jobs, self.factor) as self.prometheus:
            time.sleep(QUIET_S)
            self.shown = {query: self.prometheus.query(filled(query, "orderd-well")) for query in QUERIES}
            self.begin.set()
            for play in self.plays:
                play.noticed.wait()
            self.all_noticed.set()
            for play in self.plays:
                play.finished.wait()
