"""orderd's HTTP as a client meets it, and what /metrics says, read strictly."""
import http.client
import json
import re

from process import free_port

SAMPLE = re.compile(r'^([a-z_]+)(?:\{(.*)\})? (-?[0-9]+(?:\.[0-9]+)?)$')
LABEL = re.compile(r'([a-z_]+)="((?:[^"\\\n]|\\["\\n])*)"(?:,|$)')
ESCAPES = {r"\\": "\\", r"\"": '"', r"\n": "\n"}


class Metrics:
    """One scrape: samples[name][frozenset of label pairs] = value; types and helps by family."""

    def __init__(self, text):
        self.text, self.samples, self.types, self.helps, family = text, {}, {}, {}, None
        assert text.endswith("\n")
        for line in text[:-1].split("\n"):
            if line.startswith("# HELP "):
                family, self.helps[family] = line[7:].split(" ", 1)[0], line[7:].split(" ", 1)[1]
            elif line.startswith("# TYPE "):
                name, self.types[name] = line[7:].split(" ")
                assert name == family, f"a type without its help: {line}"
            else:
                self._take(line, family)

    def _take(self, line, family):
        found = SAMPLE.match(line)
        assert found, f"no sample: {line}"
        name, labels, value = found.groups()
        own = re.sub(r"_(bucket|sum|count)$", "", name) if self.types[family] == "histogram" else name
        assert own == family, f"a sample outside of its family: {line}"
        pairs = LABEL.findall(labels or "")
        assert sum(len(name) + len(text) + 3 for name, text in pairs) + max(len(pairs) - 1, 0) == len(labels or ""), f"labels: {line}"
        key = frozenset((name, re.sub(r'\\[\\"n]', lambda m: ESCAPES[m.group(0)], text)) for name, text in pairs)
        series = self.samples.setdefault(name, {})
        assert key not in series, f"twice: {line}"
        series[key] = float(value)

    def get(self, name, **labels):
        """The one sample with exactly these labels; None without it."""
        return self.samples.get(name, {}).get(frozenset((k, str(v)) for k, v in labels.items()))

    def series(self, name, **labels):
        """{the other labels as a dict's items, sorted: value} of the samples that have these."""
        wanted = {(k, str(v)) for k, v in labels.items()}
        return {tuple(sorted(key - wanted)): value for key, value in self.samples.get(name, {}).items() if wanted <= key}

    def sum(self, name, **labels):
        return sum(self.series(name, **labels).values())


class Web:
    """get(path) on one address."""

    def __init__(self, port, host="127.0.0.1", timeout=5):
        self.port, self.host, self.timeout = port, host, timeout

    def get(self, path, method="GET", headers=None, body=None):
        """(status, headers, text)"""
        connection = http.client.HTTPConnection(self.host, self.port, timeout=self.timeout)
        try:
            connection.request(method, path, body=body, headers=headers or {})
            answer = connection.getresponse()
            return answer.status, {k.lower(): v for k, v in answer.getheaders()}, answer.read().decode()
        finally:
            connection.close()

    def metrics(self):
        status, headers, text = self.get("/metrics")
        assert status == 200 and headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
        return Metrics(text)

    def health(self, which):
        """(status, {check: (status, reason or None)}) of "livez" or "readyz"."""
        status, headers, text = self.get("/" + which)
        said = json.loads(text)
        assert headers["content-type"] == "application/json" and (said["status"] == "failed") == (status == 503)
        return status, {c["name"]: (c["status"], c.get("reason")) for c in said["checks"]}

    def live(self):
        return self.health("livez")[0] == 200

    def ready(self):
        return self.health("readyz")[0] == 200


def served(market, **settings):
    """A started daemon of the market that serves HTTP, and its Web."""
    port = free_port()
    return market.daemon(http__address=f"127.0.0.1:{port}", **settings), Web(port)
