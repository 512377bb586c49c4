"""The command line as a user meets it: no Kafka, no Redis, only the executable and files."""
import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path.append(str(ROOT / "tests" / "live"))      # for process.py
BINARY = Path(os.environ.get("ORDERD_BINARY") or ROOT / "build" / "daemon" / "orderd").resolve()

# Fixtures that take long and are made once: the quickstart's whole run, the parser of AsyncAPI, what a daemon published, a daemon that
# takes commands.
SHARED = {"whole", "parser", "published", "running"}

REQUIRED = """kafka:
{
    brokers      = "127.0.0.1:9092";
    topics       = [ "orders" ];
    outcomes     = "orders.outcomes";
    dead_letters = "orders.dead-letters";
};
"""


@dataclass
class Ended:
    code: int
    out: str
    err: str


def pytest_configure(config):
    config.addinivalue_line("markers", "xdist_group(name): one worker runs them all")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items):
    """tests/run.sh runs several workers side by side; what looks at the same run of something goes to one of them."""
    for item in items:
        for shared in SHARED & set(item.fixturenames):
            item.add_marker(pytest.mark.xdist_group(shared))


def commands(orderd):
    """Every command, as orderd's own help has them."""
    return re.findall(r"^ {4}orderd ([a-z][a-z-]*)", orderd("--help").out, flags=re.MULTILINE)


def exit_codes(text):
    """Those that a help tells at its end, in its order."""
    return re.findall(r"(?:^|; )(\d+) ", text.partition("\nExit codes: ")[2].replace("\n", " "))


@pytest.fixture(scope="session")
def orderd():
    """Runs orderd with arguments, in an environment that gives it nothing. A sanitizer's build works too."""
    assert BINARY.exists(), f"{BINARY} is missing: build first, or set ORDERD_BINARY"
    clean = {"PATH": os.environ["PATH"], "LSAN_OPTIONS": f"suppressions={Path(__file__).with_name('leaks.txt')}:print_suppressions=0"}

    def run(*arguments, stdin="", **environment):
        done = subprocess.run([BINARY, *arguments], input=stdin, capture_output=True, text=True, errors="surrogateescape", timeout=90,
                              check=False, env={**clean, **environment})
        return Ended(done.returncode, done.stdout, done.stderr)

    return run


@pytest.fixture
def write(tmp_path):
    """Writes a file below the test's own folder; text or bytes."""

    def to(name, content, mode=0o600):
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        path.chmod(mode)
        return path

    return to


@pytest.fixture
def check(orderd, write):
    """orderd --check-config of a file with this text: its exit code, and its complaints as (line, text) pairs."""

    def run(text, **environment):
        path = write("orderd.conf", text)
        ended = orderd("--check-config", "-c", path, **environment)
        return ended.code, [complaint(line, path) for line in ended.err.splitlines()]

    return run


def complaint(line, path):
    start = f"{path}:"
    assert line.startswith(start), f"no file name in front of: {line}"
    number, colon, text = line[len(start):].partition(": ")
    return (int(number), text) if colon and number.isdigit() else (None, line[len(start):].strip())
