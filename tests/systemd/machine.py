"""A throw-away systemd: it boots as PID 1 on an overlay of a root, runs what the tests give it, and leaves nothing behind."""
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parent.parent / "live"))
from process import start  # noqa: E402

BOOT_S, RUN_S = 60, 60
# Nothing of whoever runs the tests goes in there.
INSIDE = {"cwd": "/", "env": {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LANG": "C.UTF-8"}}

# In a mount namespace of its own: when its last process ends, however it ends, the mounts are gone.
SCRIPT = """
set -e
cd /
mkdir "$1"
mount -t tmpfs -o size=2g tmpfs "$1"
mkdir "$1/upper" "$1/work" "$1/root"
mount -t overlay overlay -o "lowerdir=$2,upperdir=$1/upper,workdir=$1/work" "$1/root"
where=$1 target=$3
shift 3
exec systemd-nspawn --quiet --register=no --keep-unit -D "$where/root" --private-network "$@" --boot "systemd.unit=$target"
"""


class Machine:
    """with Machine(binds={"build": "/opt/orderd"}) as machine: machine.run("systemctl", "start", "orderd")

    root: what is booted, never written to: this machine's own, or another release's. binds: folders by their place inside, read-only.
    """

    def __init__(self, root="/", binds=None, target="basic.target"):
        self.root, self.binds, self.target = str(root), binds or {}, target
        self.folder = self.process = self.pid = None

    @staticmethod
    def missing():
        """Why this machine cannot do it, as a sentence; None where it can."""
        if os.geteuid() != 0:
            return "booting a systemd needs root"
        for program in ("systemd-nspawn", "nsenter", "unshare"):
            if not shutil.which(program):
                return f"{program} is not installed"
        machine = Machine()
        try:
            machine.start()
        except (OSError, RuntimeError) as error:
            return f"no systemd can be booted here: {error}"
        finally:
            machine.stop()
        return None

    def start(self):
        self.folder = tempfile.mkdtemp(prefix="orderd-machine-")
        with open(self.log, "w", encoding="utf-8") as log:
            self.process = start(
                ["unshare", "--mount", "--propagation", "private", "sh", "-c", SCRIPT, "sh", self.folder + "/mounts", self.root, self.target,
                 *(f"--bind-ro={outside}:{inside}" for outside, inside in self.binds.items())],
                environment={"SYSTEMD_NSPAWN_UNIFIED_HIERARCHY": "1"}, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        end = time.monotonic() + BOOT_S
        while not self.booted():
            if self.process.poll() is not None or time.monotonic() > end:
                raise RuntimeError(Path(self.log).read_text(encoding="utf-8").strip().split("\n")[-1] or "it does not come up")
            time.sleep(0.05)
        return self

    @property
    def log(self):
        return self.folder + "/log"

    def booted(self):
        """nspawn's one child is the new PID 1, and listens at this socket from early on."""
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children")
        try:
            self.pid = int(children.read_text().split()[0])
        except (OSError, IndexError):
            return False
        return self.path("/run/systemd/private").exists()

    def stop(self):
        if self.process and self.process.poll() is None:
            if self.pid:
                self.run("systemctl", "poweroff", "--force", "--force", check=False)
            else:
                self.process.terminate()
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        if self.folder:
            shutil.rmtree(self.folder, ignore_errors=True)

    __enter__ = start

    def __exit__(self, *_):
        self.stop()

    def inside(self, *command):
        """The command, to be run in there."""
        return ["nsenter", "-t", str(self.pid), "-m", "-p", "-u", "-i", "-n", "-C", "--root", "--wd=/", *map(str, command)]

    def run(self, *command, check=True, timeout=RUN_S, **options):
        done = subprocess.run(self.inside(*command), capture_output=True, text=True, timeout=timeout, check=False, **INSIDE, **options)
        assert not check or done.returncode == 0, f"{' '.join(map(str, command))}: exit code {done.returncode}\n{done.stdout}{done.stderr}"
        return done

    def popen(self, *command, **options):
        return subprocess.Popen(self.inside(*command), text=True, **INSIDE, **options)

    def path(self, inside):
        """A path in there, as this machine sees it."""
        return Path(f"/proc/{self.pid}/root{inside}")

    def put(self, inside, text, mode=0o644):
        path = self.path(inside)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        path.chmod(mode)
