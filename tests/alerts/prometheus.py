"""A real Prometheus that asks real daemons every second, and what its alerts did meanwhile."""
import collections
import json
import re
import threading
import time
import urllib.parse
import urllib.request

from process import free_port, last_of, start, until
from promtool import ROOT, RULES, seconds

POLL_S = 0.25


def faster(text, factor):
    """The rules with every `for` divided; what is compared with 15 s ago, and windows, stay as they are."""
    return re.sub(r"(?m)^(        for: )(\w+)$", lambda found: f"{found[1]}{max(1, round(seconds(found[2]) / factor))}s", text)


class Prometheus:
    """One process. jobs: {job: [address]}; factor: what the `for` of each rule is divided by.

    firing: {(job, alert): [[since, until]]}, monotonic seconds, `until` None while it lasts; a thread keeps it.
    """

    def __init__(self, directory, jobs, factor):
        self.directory, self.port = directory, free_port()
        self.firing = collections.defaultdict(list)
        (directory / "orderd.rules.yml").write_text(faster(RULES.read_text(), factor))
        (directory / "prometheus.yml").write_text(json.dumps({
            "global": {"scrape_interval": "1s", "scrape_timeout": "1s", "evaluation_interval": "1s"}, "rule_files": ["orderd.rules.yml"],
            "scrape_configs": [{"job_name": job, "static_configs": [{"targets": targets}]} for job, targets in jobs.items()]}))
        self._end, self._thread, self._process = threading.Event(), threading.Thread(target=self._watch, daemon=True), None

    def __enter__(self):
        log = open(self.directory / "prometheus.log", "wb")
        self._process = start(
            ["prometheus", f"--config.file={self.directory}/prometheus.yml", f"--storage.tsdb.path={self.directory}/data",
             f"--web.listen-address=127.0.0.1:{self.port}"], stdout=log, stderr=log)
        until(lambda: self._ready(), 60, lambda: f"Prometheus does not answer; {last_of(self.directory / 'prometheus.log')}")
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._end.set()
        self._thread.join(10)
        self._process.terminate()
        self._process.wait(90)

    def _ready(self):
        assert self._process.poll() is None, f"Prometheus ended with {self._process.returncode}; {last_of(self.directory / 'prometheus.log')}"
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/-/ready", timeout=2) as answer:
                return answer.status == 200
        except OSError:
            return False

    def ask(self, path, **parameters):
        """What the HTTP API answers, its member "data"."""
        url = f"http://127.0.0.1:{self.port}/api/v1/{path}?{urllib.parse.urlencode(parameters)}"
        with urllib.request.urlopen(url, timeout=20) as answer:
            return json.load(answer)["data"]

    def query(self, expression):
        """[({label: text}, number)]"""
        return [(one["metric"], float(one["value"][1])) for one in self.ask("query", query=expression)["result"]]

    def alerts(self):
        return self.ask("alerts")["alerts"]

    def _watch(self):
        while not self._end.wait(POLL_S):
            now = {(a["labels"].get("job", ""), a["labels"]["alertname"]) for a in self.alerts() if a["state"] == "firing"}
            for key in now:
                if not self.firing[key] or self.firing[key][-1][1] is not None:
                    self.firing[key].append([time.monotonic(), None])
            for key, times in self.firing.items():
                if key not in now and times and times[-1][1] is None:
                    times[-1][1] = time.monotonic()

    def fires(self, job):
        """The alerts that the job raises now."""
        return {alert for (whose, alert), times in list(self.firing.items()) if whose == job and times and times[-1][1] is None}

    def fired(self, job, since=0.0):
        """{alert: when it began} of what the job raised from then on; `since` in monotonic seconds."""
        return {alert: times[-1][0] for (whose, alert), times in list(self.firing.items())
                if whose == job and times and (times[-1][1] is None or times[-1][1] > since)}
