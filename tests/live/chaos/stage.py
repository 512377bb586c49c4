"""Where chaos plays: three brokers, a Redis master with a replica, a directory; all gone at the end, whatever happens."""
import os
import shutil
import tempfile
from pathlib import Path

from cluster import Cluster
from disk import SmallDisk
from replica import Pair


class Stage:
    """with Stage() as stage: stage.cluster, stage.pair, stage.directory; stage.disk is the third broker's (as root, else None)"""

    def __init__(self):
        self.directory = Path(tempfile.mkdtemp(prefix="orderd-chaos-"))
        self.directory.chmod(0o755)
        (self.directory / "kafka").mkdir()
        self.disk = SmallDisk(self.directory / "kafka" / "node3", megabytes=1024) if os.geteuid() == 0 else None
        self.cluster, self.pair = Cluster(self.directory / "kafka"), Pair(self.directory / "redis")

    def __enter__(self):
        try:
            self.cluster.start()
            self.pair.start()
        except BaseException:
            self.__exit__()
            raise
        return self

    def room(self, name):
        """A directory for one play."""
        room = self.directory / name
        room.mkdir()
        return room

    def __exit__(self, *_):
        self.cluster.kill()
        self.pair.kill()
        if self.disk:
            self.disk.close()
        shutil.rmtree(self.directory, ignore_errors=True)
