"""A redis-server of the test's own: private socket, private directory."""
import os
import subprocess
import tempfile
from pathlib import Path

import redis

from process import Server, free_port, last_of, start, until


class RedisServer(Server):
    """One server process. start() after stop() or kill() goes on with what it kept.

    options: redis.conf settings by name, "appendonly": "yes"; `tcp` opens a port on 127.0.0.1 besides the socket.
    """

    def __init__(self, directory=None, tcp=False, **options):
        self.directory = Path(directory or tempfile.mkdtemp(prefix="orderd-redis-"))
        self.directory.mkdir(parents=True, exist_ok=True)
        # A socket's path holds 107 bytes at most, a test's directory can be longer.
        self._socket_directory = tempfile.TemporaryDirectory(prefix="orderd-")
        self.socket = os.path.join(self._socket_directory.name, "redis.sock")
        self.port = free_port() if tcp else 0
        self.address = self.socket
        self.tcp_address = f"127.0.0.1:{self.port}" if tcp else None
        self.options = {"save": "", "appendonly": "no", "databases": "16", **{k.replace("_", "-"): v for k, v in options.items()}}
        self.process, self.group = None, None      # a group id of its own, by which the kernel can tell its packets

    def start(self):
        arguments = ["redis-server", "--port", str(self.port), "--bind", "127.0.0.1", "--unixsocket", self.socket, "--dir", str(self.directory),
                     "--daemonize", "no", "--logfile", str(self.directory / "redis.log")]
        for name, value in self.options.items():
            arguments += [f"--{name}", *([value] if isinstance(value, str) else value)]
        self.process = start(arguments, group=self.group, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        until(self._answers, 60, lambda: f"redis-server does not answer; {last_of(self.directory / 'redis.log')}")
        return self

    def _answers(self):
        assert self.process.poll() is None, f"redis-server ended with {self.process.returncode}; {last_of(self.directory / 'redis.log')}"
        try:
            with self.client() as client:
                return client.ping()
        except redis.exceptions.AuthenticationError:
            return True
        except redis.exceptions.RedisError:
            return False

    def client(self, db=0, **options):
        """A redis-py client with text replies over the socket; each caller gets its own connections."""
        return redis.Redis(unix_socket_path=self.socket, db=db, **{"decode_responses": True, **options})

    def replica(self, directory=None, **options):
        """A started replica of this server, which needs tcp=True; returns once the link is up."""
        copy = RedisServer(directory, tcp=True, replicaof=["127.0.0.1", str(self.port)], repl_diskless_sync_delay="0", **options).start()
        with copy.client() as client:
            until(lambda: client.info("replication").get("master_link_status") == "up", 30, "the replica does not follow")
        return copy
