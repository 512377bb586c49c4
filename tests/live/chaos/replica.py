"""A Redis master with one replica, and failover by hand with Redis commands."""
import os
from pathlib import Path

import redis
from isolate import Isolated
from process import until
from redisserver import RedisServer


class Pair:
    """master and replica: RedisServers that may change their roles. options: redis.conf settings of both."""

    def __init__(self, directory, **options):
        options = {"tcp": True, "repl_diskless_sync_delay": "0", "repl_timeout": "10", **options}
        self.master, self.replica = (RedisServer(Path(directory) / name, **options) for name in ("one", "other"))
        for server in (self.master, self.replica):
            server.group = 100000 + server.port if os.geteuid() == 0 else None

    def start(self):
        self.master.start()
        self.replica.start()
        self.follow()
        return self

    def follow(self):
        """The replica follows the master and has all that it has."""
        with self.replica.client() as client:
            client.replicaof("127.0.0.1", str(self.master.port))
        until(self.in_step, 90, "the replica does not follow")

    def in_step(self):
        try:
            with self.replica.client() as copy, self.master.client() as client:
                mine, theirs = copy.info("replication"), client.info("replication")
        except redis.exceptions.RedisError:
            return False
        return mine.get("master_link_status") == "up" and theirs.get("connected_slaves") == 1

    def cut(self):
        """with pair.cut(): the master hears nothing of the replica, over whichever connection. Needs root."""
        return Isolated(self.replica.group, [self.master.port])

    def promote(self):
        """The replica becomes master, whatever the old master is doing; roles are exchanged here, the old master is not told."""
        with self.replica.client() as client:
            client.replicaof("NO", "ONE")
        self.master, self.replica = self.replica, self.master

    def kill(self):
        for server in (self.master, self.replica):
            server.kill()
