"""What a daemon without Redis and Kafka answers over HTTP, its documents, and addresses that it cannot have."""
import re
import signal
import socket
import subprocess
from pathlib import Path

import pytest

from conftest import BINARY, REQUIRED, ROOT
from place import until
from process import free_port, start
from web import Web


# Labels of families that have no sample before there is a partition or a hot key.
LATER = {"orderd_hot_key_writes_per_second": ("key",), "orderd_hot_key_conflicts_per_second": ("key",), "orderd_kafka_up": (),
         "orderd_partition_state": ("partition", "state", "topic")}
OF_PARTITIONS = ("partition", "topic")


def config(address):
    return REQUIRED + f'redis: {{ address = "127.0.0.1:1"; connect_timeout_ms = 50; }};\ncontrol: {{ socket = ""; }};\nhttp: {{ address = "{address}"; }};\n'


@pytest.fixture
def web(write):
    """A daemon whose Redis does not answer."""
    port = free_port()
    daemon = start([BINARY, "-c", write("orderd.conf", config(f"127.0.0.1:{port}"))], stderr=subprocess.DEVNULL)
    web = Web(port)
    web.daemon, web.file = daemon, Path(write("orderd.conf", config(f"127.0.0.1:{port}")))
    try:
        until(lambda: answers(web))
        yield web
        daemon.send_signal(signal.SIGTERM)
        assert daemon.wait(90) == 0
    finally:
        daemon.kill()
        daemon.wait()


def answers(web):
    try:
        return web.live()
    except OSError:
        return False


def labels_of(metrics, name):
    series = [key for own, found in metrics.samples.items() if re.sub(r"_(bucket|sum|count)$", "", own) == name or own == name for key in found]
    if name in LATER or not series:
        return LATER.get(name, OF_PARTITIONS)
    return tuple(sorted({label for key in series for label, _ in key} - {"le"}))


def row(metrics, name):
    labels = ", ".join(labels_of(metrics, name))
    return f"| `{name}`{f' {{{labels}}}' if labels else ''} | {metrics.types[name]} | {metrics.helps[name]} |"


def test_the_table_of_metrics_is_what_a_scrape_says(web):
    metrics = web.metrics()
    wanted = [row(metrics, name) for name in metrics.types]
    told = [line for line in (ROOT / "conf" / "prometheus" / "metrics.md").read_text().splitlines() if line.startswith("| `")]
    assert told == wanted, "conf/prometheus/metrics.md should have\n" + "\n".join(wanted)


@pytest.mark.parametrize("file", ["README.md", "conf/man/orderd.8", "conf/prometheus/orderd.rules.yml"])
def test_every_metric_that_a_document_names_is_there(web, file):
    metrics = web.metrics()
    named = set(re.findall(r"\borderd_[a-z_]+(?:_total|_seconds|_up|_entries|_messages|_offset|_state|_live|_ready)\b", (ROOT / file).read_text()))
    assert named <= set(metrics.types), f"{file} names {named - set(metrics.types)}"


def test_it_says_what_it_waits_for(web):
    assert web.health("readyz") == (503, {"pipeline": ("ok", None), "phase": ("failed", "waits for Redis"), "configuration": ("ok", None),
                                          "redis": ("failed", "no connection to 127.0.0.1:1, it is tried again and again")})
    assert web.live() and web.metrics().get("orderd_ready") == 0


def test_a_refused_reload_is_said(web):
    good = web.file.read_text()
    assert web.metrics().get("orderd_config_last_reload_successful") == 1
    web.file.write_text(good + "no_such_setting = 1;\n")
    web.daemon.send_signal(signal.SIGHUP)
    until(lambda: web.metrics().get("orderd_config_last_reload_successful") == 0)
    assert web.health("readyz")[1]["configuration"][0] == "degraded"
    web.file.write_text(good)
    web.daemon.send_signal(signal.SIGHUP)
    until(lambda: web.metrics().get("orderd_config_last_reload_successful") == 1)


def test_an_address_that_is_taken_ends_the_start(orderd, write):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        ended = orderd("-c", write("orderd.conf", config(f"127.0.0.1:{port}")))
    assert ended.code == 69 and f"127.0.0.1:{port}: Address already in use" in ended.err


def test_an_address_that_does_not_exist_ends_the_start(orderd, write):
    ended = orderd("-c", write("orderd.conf", config("no-such-host.invalid:9464")))
    assert ended.code in (69, 78) and "no-such-host.invalid:9464: " in ended.err     # 69 where no name can be resolved at all
    ended = orderd("-c", write("orderd.conf", config("192.0.2.1:9464")))
    assert ended.code == 69 and "192.0.2.1:9464: Cannot assign requested address" in ended.err


def has_ipv6():
    try:
        return "0" * 31 + "1" in Path("/proc/net/if_inet6").read_text()
    except OSError:
        return False


@pytest.mark.skipif(not has_ipv6(), reason="this machine has no ::1")
def test_an_address_of_ipv6_works(write):
    port = free_port()
    daemon = start([BINARY, "-c", write("orderd.conf", config(f"[::1]:{port}"))], stderr=subprocess.DEVNULL)
    try:
        until(lambda: answers(Web(port, host="::1")))
    finally:
        daemon.kill()
        daemon.wait()
