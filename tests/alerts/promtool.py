"""Unit tests of alert rules, written short: what series do before, during and after a fault, made into promtool's files.

A series is a name and up to three phases; a phase is a constant, By(step), which goes on from where the series was, From(start, step), or GONE.
A text instead of phases is promtool's own notation.
"""
import collections
import json
import re
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
RULES = ROOT / "conf" / "prometheus" / "orderd.rules.yml"
BEFORE_S, AFTER_S = 120, 120
FAULTY = "orderd"       # the job that has the fault; the others only look like it

By = collections.namedtuple("By", "step")
From = collections.namedtuple("From", "start step")
GONE = "gone"


def seconds(text):
    """"1m30s" as 90."""
    return sum(int(number) * {"s": 1, "m": 60, "h": 3600}[unit] for number, unit in re.findall(r"(\d+)([smh])", text))


def rules():
    """{alert: its text in the rules file}, with the other rules under "": they come first."""
    parts = re.split(r"(?m)^(?=      - alert: )", RULES.read_text())
    return {"": parts[0], **{re.match(r"\s+- alert: (\w+)", part)[1]: part for part in parts[1:]}}


def values(phases, counts):
    """In promtool's notation: phases with so many samples each."""
    parts, at = [], 0
    for phase, count in zip(phases, counts):
        if phase == GONE:
            parts.append("stale" + (f" _x{count - 1}" if count > 1 else ""))
            continue
        start, step = (at, phase.step) if isinstance(phase, By) else phase if isinstance(phase, From) else (phase, 0)
        parts.append(f"{start:.10g}{step:+.10g}x{count - 1}" if step else f"{start:.10g}x{count - 1}")
        at = start + step * count
    return " ".join(parts)


def labelled(series, job, instance):
    name, _, labels = series.rstrip("}").partition("{")
    return f'{name}{{job="{job}",instance="{instance}"{"," if labels else ""}{labels}}}'


class Case:
    """One fault, and what looks like it.

    alert, says: what is tested; jobs: {job: {series: phases}}, or {job: [{series: phases}, …]} for several instances; lasts: how long the
    fault is there, unless a minute longer than the alert's `for`; fires: whether it must; pages: what the faulty job raises in all with
    severity page, unless that alert alone; step: seconds between two samples and evaluations.
    """

    def __init__(self, alert, says, jobs, lasts=None, fires=True, pages=None, step=5, label=FAULTY):
        text = rules()[alert]
        found = re.search(r"(?m)^        for: (\w+)$", text)
        self.alert, self.says, self.jobs, self.step, self.label = alert, says, jobs, step, label
        self.waits = seconds(found[1]) if found else 0
        self.lasts = seconds(lasts) if lasts else self.waits + max(60, 3 * step)
        self.fires = fires
        self.pages = pages if pages is not None else [alert] if fires and "severity: page" in text else []

    def __str__(self):
        return f"{self.alert}: {self.says}"

    def _series(self):
        counts = [n // self.step for n in (BEFORE_S, self.lasts, AFTER_S)]
        for job, instances in self.jobs.items():
            for number, series in enumerate(instances if isinstance(instances, list) else [instances]):
                for name, phases in series.items():
                    if isinstance(phases, str):
                        yield {"series": labelled(name, job, f"host{number}:9464"), "values": phases}
                        continue
                    whole = list(phases) + [phases[-1]] * (3 - len(phases))
                    yield {"series": labelled(name, job, f"host{number}:9464"), "values": values(whole, counts)}

    def _asks(self, expression, at, *labels):
        return {"expr": expression, "eval_time": f"{at}s", "exp_samples": [{"labels": label, "value": 1} for label in labels]}

    def _moments(self):
        """Not before its `for` is over, then within 30 s; gone a minute after the mend; and at no time for anybody else."""
        firing = f'ALERTS{{alertname="{self.alert}",alertstate="firing"}}'
        who = f'{{job="{self.label}"}}' if self.label else "{}"
        end = BEFORE_S + self.lasts
        if self.fires:
            now = f"group by (job) ({firing})"
            yield self._asks(now, BEFORE_S + self.waits - self.step)
            yield self._asks(now, BEFORE_S + self.waits + max(30, self.step), who)
            yield self._asks(now, end + max(60, self.step))
        yield self._asks(f"group by (job) (max_over_time({firing}[1d]))", end + AFTER_S - self.step, *[who] * self.fires)

    def _pages(self):
        """One fault, one page."""
        pages = f'group by (alertname) (max_over_time(ALERTS{{job="{FAULTY}",severity="page",alertstate="firing"}}[1d]))'
        return self._asks(pages, BEFORE_S + self.lasts + AFTER_S - self.step, *[f'{{alertname="{alert}"}}' for alert in self.pages])

    def run(self, directory, text=None):
        """promtool's complaints, "" for none; text: rules to test instead of the shipped ones, which need not have the other alerts."""
        (directory / "rules.yml").write_text(text or RULES.read_text())
        asked = [*self._moments(), *([] if text else [self._pages()])]
        (directory / "test.yml").write_text(json.dumps({
            "rule_files": ["rules.yml"], "evaluation_interval": f"{self.step}s",
            "tests": [{"interval": f"{self.step}s", "input_series": [*self._series()], "promql_expr_test": asked}]}))
        done = subprocess.run(["promtool", "test", "rules", directory / "test.yml"], capture_output=True, text=True)
        return "" if done.returncode == 0 else done.stdout + done.stderr
