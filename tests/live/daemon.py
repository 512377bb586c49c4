"""orderd as a process: its file, its log, its signals."""
import json
import os
import re
import signal
import subprocess
import time
from pathlib import Path

from process import PATIENCE_S, start, until

BINARY = Path(os.environ.get("ORDERD_BINARY") or Path(__file__).resolve().parents[2] / "build" / "daemon" / "orderd").resolve()

DEFAULTS = {
    "kafka.client": ["reconnect.backoff.max.ms=500"],
    "kafka.consumer": ["session.timeout.ms=6000", "heartbeat.interval.ms=500", "fetch.wait.max.ms=20"],
    "drain.revoke_ms": 3000,
    "drain.stop_ms": 10000,
}
# For tests that wait for a dead or frozen member's session to end.
SHORT_SESSION = {"kafka.consumer": ["session.timeout.ms=3000", "heartbeat.interval.ms=300", "fetch.wait.max.ms=20"], "drain.revoke_ms": 2000}


def config_text(settings):
    """{"kafka.topics": ["orders"], "turn.events": 10} as libconfig text."""
    def value(v):
        if isinstance(v, (list, tuple)):
            return "[ " + ", ".join(json.dumps(x) for x in v) + " ]"
        return json.dumps(v)

    lines, groups = [], {}
    for name, v in settings.items():
        group, _, member = name.rpartition(".")
        if group:
            groups.setdefault(group, []).append(f"    {member} = {value(v)};")
        else:
            lines.append(f"{name} = {value(v)};")
    for group, members in groups.items():
        lines += [f"{group}:", "{", *members, "};"]
    return "\n".join(lines) + "\n"


class Orderd:
    """One daemon with a file and a log of its own. start() again after its end goes on with the same file, the log grows.

    directory: where file and log lie; settings: see config_text; name: tells several instances apart.
    """
    shown = []      # of the present test: their logs are shown when it fails

    def __init__(self, directory, settings, name="orderd"):
        self.name = name
        self.file = Path(directory) / f"{name}.conf"
        self.log_file = Path(directory) / f"{name}.log"
        self.settings = {**DEFAULTS, **settings}
        self.process = None
        self.network = None     # the path of the network in which it is to be, see process.start()
        self._seen = 0
        self.configure()
        self.log_file.touch()

    def configure(self, **changes):
        """Writes the file anew; changes: settings with "__" for the dot, turn__events=3. reload() or start() makes them count."""
        self.settings.update({key.replace("__", "."): value for key, value in changes.items()})
        self.file.write_text(config_text(self.settings))

    # life

    def start(self, wait=True, environment=None, stderr=None):
        """Starts it and, unless told otherwise, waits until it runs. `log()` and `wait_for` then count from this start. stderr: instead of its log."""
        self._seen = self.log_file.stat().st_size
        with open(self.log_file, "ab") as log:
            self.process = start([BINARY, "-c", self.file], network=self.network, environment=environment, stdout=log, stderr=stderr or log)
        if self not in Orderd.shown:
            Orderd.shown.append(self)
        if wait:
            self.wait_for(r'running group=|"message":"running"', 90)
        return self

    @property
    def alive(self):
        return self.process is not None and self.process.poll() is None

    @property
    def exit_code(self):
        """None while it runs; negative: ended by that signal."""
        return self.process.poll()

    def wait_exit(self, timeout=30):
        """The exit code, once it has ended. timeout: as that of until()."""
        timeout = max(timeout, PATIENCE_S)
        try:
            return self.process.wait(timeout)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"{self.name} did not end within {timeout} s; its log:\n{self.tail()}") from None

    def stop(self, timeout=30):
        """SIGTERM; returns the exit code."""
        self.signal(signal.SIGTERM)
        return self.wait_exit(timeout)

    def kill(self):
        """SIGKILL, and the end."""
        if self.alive:
            self.signal(signal.SIGKILL)
            self.process.wait(PATIENCE_S)

    def signal(self, number):
        self.process.send_signal(number)

    def freeze(self):
        """SIGSTOP; returns once the kernel has stopped it."""
        self.signal(signal.SIGSTOP)
        until(lambda: self._state() == "T", 5, "not stopped by SIGSTOP")

    def thaw(self):
        self.signal(signal.SIGCONT)

    def _state(self):
        return Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()[0]

    def reload(self):
        self.signal(signal.SIGHUP)

    def command(self, *arguments, timeout=60):
        """Runs `orderd ARGUMENTS -c FILE` to its end: a CompletedProcess with text, .returncode, .stdout, .stderr."""
        return subprocess.run([BINARY, *arguments, "-c", self.file], capture_output=True, text=True, timeout=timeout)

    # log

    def log(self):
        """The log since the last start."""
        with open(self.log_file, "rb") as f:
            f.seek(self._seen)
            return f.read().decode(errors="replace")

    def whole_log(self):
        return self.log_file.read_text(errors="replace")

    def tail(self, lines=40):
        return "\n".join(self.whole_log().splitlines()[-lines:])

    def wait_for(self, pattern, timeout=20, count=1):
        """Waits until a regular expression is found `count` times in the log since the last start; returns the last match.
        timeout: as that of until()."""
        timeout = max(timeout, PATIENCE_S)
        end = time.monotonic() + timeout
        while True:
            ended = not self.alive      # before the log is read: what it wrote last counts
            found = list(re.finditer(pattern, self.log()))
            if len(found) >= count:
                return found[count - 1]
            assert not ended, f"{self.name} ended with {self.exit_code} before /{pattern}/; its log:\n{self.tail()}"
            assert time.monotonic() < end, f"no /{pattern}/ within {timeout} s in the log of {self.name}:\n{self.tail()}"
            time.sleep(0.02)
