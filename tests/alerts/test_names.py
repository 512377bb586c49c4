"""Rules and dashboard against a daemon's own /metrics and --help: what they name is there."""
import json
import re
import subprocess
import urllib.request

import pytest
import yaml

from dashboard import DASHBOARD, PANELS, QUERIES, VARIABLES, filled
from promtool import RULES

from daemon import BINARY
from process import free_port, start, until

RULE_TEXTS = [rule["expr"] for group in yaml.safe_load(RULES.read_text())["groups"] for rule in group["rules"]]
OWN = {"instance:orderd_able:bool", "job:orderd_partitions:count", "ALERTS", "up"}      # that Prometheus makes itself


@pytest.fixture(scope="module")
def scrapes(tmp_path_factory):
    """What /metrics says, ten times, of a daemon that waits for its Redis."""
    directory, port = tmp_path_factory.mktemp("metrics"), free_port()
    (directory / "orderd.conf").write_text(f"""
kafka: {{ brokers = "127.0.0.1:9"; topics = [ "orders" ]; outcomes = "outcomes"; dead_letters = "dead-letters"; }};
redis: {{ address = "{directory}/redis.sock"; }};
http: {{ address = "127.0.0.1:{port}"; }};
""")

    def ask():
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5) as answer:
                return answer.read().decode()
        except OSError:
            return None

    with open(directory / "log", "wb") as log:
        daemon = start([BINARY, "-c", directory / "orderd.conf"], stdout=log, stderr=log)
    try:
        texts = [until(ask, 20, lambda: (directory / "log").read_text()) for _ in range(10)]
    finally:
        daemon.kill()
        daemon.wait()
    return texts


@pytest.fixture(scope="module")
def metrics(scrapes):
    """{name: type}"""
    return dict(re.findall(r"(?m)^# TYPE (\S+) (\S+)$", scrapes[0]))


def named(expression):
    """The metrics that a query is about."""
    bare = re.sub(r'"(?:\\.|[^"])*"', '""', expression)
    bare = re.sub(r"\b(by|on|ignoring|without) \([^)]*\)|\{[^}]*\}|\[[^]]*\]", "", bare)
    return set(re.findall(r"\b(?:orderd_\w+|process_\w+|(?:instance|job):\w+:\w+|ALERTS|up)\b", bare))


def known(name, metrics):
    family = re.sub(r"_(bucket|sum|count)$", "", name)
    return name in metrics or name in OWN or metrics.get(family) == "histogram"


def test_every_metric_that_a_rule_names_is_there(metrics):
    assert {name for text in RULE_TEXTS for name in named(text) if not known(name, metrics)} == set()


def test_every_metric_that_the_dashboard_names_is_there(metrics):
    names = {name for text in QUERIES + [re.sub(r"label_values\((.*), \w+\)", r"\1", text) for text in VARIABLES] for name in named(text)}
    assert len(names) > 30
    assert {name for name in names if not known(name, metrics)} == set()


def test_the_dashboard_shows_every_metric(metrics):
    shown = {re.sub(r"_(bucket|sum|count)$", "", name) for text in QUERIES for name in named(text)}
    elsewhere = {"process_virtual_memory_bytes", "process_max_fds", "orderd_events_consumed_total", "orderd_partition_next_offset",
                 "orderd_partition_committed_offset", "orderd_partition_state", "orderd_last_progress_timestamp_seconds"}
    assert set(metrics) - shown - elsewhere == set()


def test_a_process_starts_once(scrapes):
    """OrderdRestarting counts the changes of it."""
    assert len({re.search(r"(?m)^process_start_time_seconds (.*)$", text)[1] for text in scrapes}) == 1


def test_a_name_that_is_not_there_is_found(metrics):
    assert [name for name in named('rate(orderd_evnts_total{job="orderd_x"}[45s]) > on (job) up') if not known(name, metrics)] == ["orderd_evnts_total"]


def test_every_query_of_the_dashboard_is_one_to_prometheus(tmp_path):
    """Told as recording rules, with Grafana's variables filled in."""
    (tmp_path / "queries.yml").write_text(json.dumps({"groups": [{"name": "dashboard", "rules": [
        {"record": f"query:{number}", "expr": filled(query)} for number, query in enumerate(QUERIES)]}]}))
    done = subprocess.run(["promtool", "check", "rules", tmp_path / "queries.yml"], capture_output=True, text=True)
    assert done.returncode == 0 and f"{len(QUERIES)} rules found" in done.stdout, done.stdout + done.stderr


def test_the_dashboard_asks_the_datasource_that_its_importer_chooses():
    chosen, = DASHBOARD["__inputs"]
    asked = re.findall(r'"uid": "(\$\{\w+\})"', json.dumps(DASHBOARD))
    assert chosen["type"] == "datasource" and set(asked) == {f"${{{chosen['name']}}}"} and len(asked) > len(PANELS)


def test_every_panel_has_its_place_and_says_what_it_shows():
    taken = set()
    for panel in DASHBOARD["panels"]:
        at = panel["gridPos"]
        cells = {(x, y) for x in range(at["x"], at["x"] + at["w"]) for y in range(at["y"], at["y"] + at["h"])}
        assert at["x"] + at["w"] <= 24 and not cells & taken, panel["title"]
        taken |= cells
    assert len({panel["id"] for panel in DASHBOARD["panels"]}) == len(DASHBOARD["panels"])
    assert [panel["title"] for panel in PANELS if not panel["description"] or not panel["fieldConfig"]["defaults"]["unit"]] == []


def test_every_command_of_a_runbook_is_one():
    """`orderd NAME …` and its options, by --help."""
    helps = subprocess.run([BINARY, "--help"], capture_output=True, text=True).stdout
    for words in re.findall(r"`orderd ([^`]*)`", " ".join(RULES.read_text().split())):
        name = words.split()[0]
        assert re.search(rf"(orderd |(?<!\S)){re.escape(name)}(?![\w-])", helps), f"orderd {words}"
        own = subprocess.run([BINARY, name, "--help"], capture_output=True, text=True).stdout if not name.startswith("-") else helps
        assert [option for option in re.findall(r"--[a-z-]+", words) if option not in own + helps] == [], f"orderd {words}"
