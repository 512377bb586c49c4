"""A private Redis, a mock Kafka, and orderd between them: enough to see events become outcomes."""
import json
import os
import re
import shlex
import subprocess
import time

from conftest import BINARY, ROOT
from process import start

README = (ROOT / "README.md").read_text()
PATIENCE_S = 90


def until(test):
    end = time.monotonic() + PATIENCE_S
    while not test():
        assert time.monotonic() < end, f"not within {PATIENCE_S} s"
        time.sleep(0.05)


class Place:
    """A private Redis with the README's user in it, a mock Kafka, and orderd between them."""

    def __init__(self, folder):
        self.folder, self.processes = folder, []
        self.socket = folder / "redis.sock"
        self.start("redis-server", "--port", "0", "--unixsocket", self.socket, "--save", "", "--dir", folder)
        until(lambda: self.redis("ping").returncode == 0)
        mock = self.start(BINARY.parents[1] / "tests" / "mockd", "1", "orders", "orders.outcomes", "orders.dead-letters", stdout=subprocess.PIPE)
        self.brokers = mock.stdout.readline().strip()
        (folder / "password").write_text("swordfish\n")
        (folder / "password").chmod(0o600)
        (folder / "orderd.conf").write_text(f"""
kafka: {{ brokers = "{self.brokers}"; topics = [ "orders" ]; outcomes = "orders.outcomes"; dead_letters = "orders.dead-letters";
          consumer = [ "session.timeout.ms=6000", "fetch.wait.max.ms=10" ]; }};
redis: {{ address = "{self.socket}"; user = "orderd"; password_file = "{folder}/password"; prefix = "shop:"; }};
drain: {{ revoke_ms = 3000; }};
""")

    def start(self, *command, **options):
        self.processes.append(start(command, text=True, **{"stdout": subprocess.DEVNULL, **options}))
        return self.processes[-1]

    def end(self):
        for process in reversed(self.processes):
            process.kill()
            process.wait()

    def redis(self, *command):
        return subprocess.run(["redis-cli", "-s", self.socket, "-e", *command], capture_output=True, text=True, check=False)

    def make_user(self, *more):
        """The README's own line, after its redis-cli."""
        line = re.search(r"^   redis-cli (ACL SETUSER (?:.*\\\n)*.*)$", README, flags=re.MULTILINE).group(1)
        words = shlex.split(line.replace("\\\n", " ").replace("PASSWORD", "swordfish").replace("PREFIX", "shop:"))
        done = self.redis(*words, *more)
        assert done.stdout.strip() == "OK", done.stdout + done.stderr

    def orderd(self, **environment):
        log = open(self.folder / "orderd.log", "w", encoding="utf-8")
        return self.start(BINARY, "-c", self.folder / "orderd.conf", stderr=log, env={**os.environ, **environment})

    def log(self):
        return (self.folder / "orderd.log").read_text()

    def send(self, *arguments, text=None):
        subprocess.run(["kcat", "-P", "-b", self.brokers, "-t", "orders", "-p", "0", *arguments], input=text, text=True, check=True, timeout=PATIENCE_S)

    def records(self, topic):
        """As kcat has them: "key", "payload", and "headers" with names and values in turn."""
        said = subprocess.run(["kcat", "-C", "-e", "-q", "-J", "-b", self.brokers, "-t", topic, "-o", "beginning", "-X", "fetch.wait.max.ms=10"],
                              capture_output=True, text=True, check=True, timeout=PATIENCE_S)
        return [json.loads(line) for line in said.stdout.split("\n")[:-1]]

    def outcomes(self):
        """By their place, each once: a take-over may publish copies."""
        by_offset = {outcome["source"]["offset"]: outcome for outcome in (json.loads(record["payload"]) for record in self.records("orders.outcomes"))}
        return [by_offset[offset] for offset in sorted(by_offset)]
