"""A file system of a few megabytes, which can be filled and emptied. Needs root."""
import errno
import subprocess


class SmallDisk:
    def __init__(self, directory, megabytes):
        directory.mkdir(exist_ok=True)
        self.directory, self._ballast = directory, directory / "ballast"
        subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "orderd-chaos", directory], check=True)

    def fill(self):
        with open(self._ballast, "wb", buffering=0) as f:
            try:
                while f.write(bytes(4096)):
                    pass
            except OSError as error:
                assert error.errno == errno.ENOSPC

    def empty(self):
        self._ballast.unlink()

    def close(self):
        subprocess.run(["umount", "-l", self.directory], check=True)
