"""The Debian package on the releases that it is for. Each builds its own: the machine's release here, the other one in a root; and each is
installed on a root that holds what a new machine has. debootstrap makes them once (root.sh). Where one cannot be made, what needs it is
reported as skipped with the reason.
"""
import os
import re
import shlex
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path.append(str(ROOT / "tests" / "systemd"))
from machine import Machine

OUT = Path(os.environ.get("ORDERD_PACKAGES") or ROOT / "build" / "package")
RELEASES = {"bookworm": "12", "trixie": "13"}
BUILD_LIMIT_S, ROOT_LIMIT_S, COMMAND_LIMIT_S = 600, 1200, 120
NEXT_VERSION = "0.1.1"
APT = "DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends"


def pytest_configure(config):
    config.addinivalue_line("markers", "xdist_group(name): one worker runs them all")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items):
    """A release's package is built once, by the worker that has all of its tests."""
    for item in items:
        if hasattr(item, "callspec") and "release" in item.callspec.params:
            item.add_marker(pytest.mark.xdist_group(item.callspec.params["release"]))


def codename():
    return re.search(r"^VERSION_CODENAME=(\w+)$", Path("/etc/os-release").read_text(), flags=re.MULTILINE).group(1)


def readme_block(first):
    """The indented lines of the README from one that begins with `first` on."""
    text = (ROOT / "README.md").read_text()
    return [line[4:] for line in re.search(rf"^    {re.escape(first)}.*\n(?:    .*\n)*", text, flags=re.MULTILINE)[0].splitlines()]


class Release:
    """Where a release's package is built, and the root in which it is installed."""

    def __init__(self, name):
        self.name, self.number, self.folder = name, RELEASES[name], OUT / name
        self.own = name == codename()
        self.built = ROOT / "build-deb" if self.own else self.folder / "build"
        self.built.mkdir(parents=True, exist_ok=True)

    def root(self, part):
        """The folder of a root: "clean" or "builder"."""
        if os.geteuid() != 0 or not shutil.which("debootstrap"):
            pytest.skip("a root of a Debian release is made by debootstrap, as root")
        made = subprocess.run([ROOT / "tests" / "package" / "root.sh", self.name, self.folder, part], capture_output=True, text=True,
                              timeout=ROOT_LIMIT_S, check=False)
        if made.returncode == 69:
            pytest.skip(f"no root of {self.name} can be made: {made.stderr.strip().splitlines()[-1]}")
        assert made.returncode == 0, made.stderr
        return self.folder / part

    def run(self, command):
        """In the source's folder, as this release has it; build-deb/ is the release's own."""
        if self.own:
            done = subprocess.run(["sh", "-c", command], cwd=ROOT, capture_output=True, text=True, timeout=BUILD_LIMIT_S, check=False)
        else:
            inside = self.root("builder")
            for place in (ROOT / "build-deb", inside / "source"):
                place.mkdir(exist_ok=True)
            script = f"""set -e
mount --bind {shlex.quote(str(ROOT))} {inside}/source
mount --bind {self.built} {inside}/source/build-deb
mount -t proc proc {inside}/proc
mount --bind /dev {inside}/dev
exec chroot {inside} env -i PATH=/usr/sbin:/usr/bin HOME=/root sh -c {shlex.quote('cd /source && ' + command)}"""
            done = subprocess.run(["unshare", "--mount", "sh", "-c", script], capture_output=True, text=True, timeout=BUILD_LIMIT_S, check=False)
        return done

    def must(self, command):
        done = self.run(command)
        assert done.returncode == 0, f"{command}\n{done.stdout[-1500:]}{done.stderr[-1500:]}"
        return done.stdout

    def build(self):
        """As the README says; then a later version of the same, and the mock of Kafka, which no package holds."""
        for old in self.built.glob("*.deb"):
            old.unlink()
        for command in readme_block("cmake -S . -B build-deb"):
            self.must(command)
        self.must(f"cd build-deb && cpack -G DEB -D CPACK_PACKAGE_VERSION={NEXT_VERSION}")
        self.must("cc -o build-deb/mockd tests/mock/mockd.c $(pkg-config --cflags --libs rdkafka)")

    def deb(self, version="0.1.0"):
        found = list(self.built.glob(f"orderd_{version}-*.deb"))
        assert len(found) == 1, f"{found} for {version} in {self.built}"
        return found[0]

    def field(self, name):
        return subprocess.run(["dpkg-deb", "-f", self.deb(), name], capture_output=True, text=True, check=True).stdout.strip()

    def machine(self):
        """A new one, with the packages at hand and what apt needs to install them without a network."""
        root = self.root("clean")
        fetched = root / "var" / "cache" / "orderd-fetched"
        if not fetched.exists() or fetched.read_text() != self.field("Depends"):
            shutil.copy("/etc/resolv.conf", root / "etc" / "resolv.conf")
            shutil.copy(self.deb(), root / "tmp" / "orderd.deb")
            done = subprocess.run(["chroot", root, "sh", "-c", f"apt-get update -qq && {APT} --download-only /tmp/orderd.deb redis-server kcat"],
                                  capture_output=True, text=True, timeout=ROOT_LIMIT_S, check=False)
            (root / "tmp" / "orderd.deb").unlink()
            assert done.returncode == 0, done.stdout + done.stderr
            fetched.write_text(self.field("Depends"))
        return Machine(root=str(root), binds={str(self.built): "/packages"})


@pytest.fixture(scope="session", params=(os.environ.get("ORDERD_RELEASES") or " ".join(RELEASES)).split())
def release(request):
    made = Release(request.param)
    made.build()
    return made


@pytest.fixture(scope="session")
def bootable():
    reason = Machine.missing()
    if reason:
        pytest.skip(reason)


class Host:
    """A booted machine with the package's files at hand, and what an operator does on it."""

    def __init__(self, machine, release):
        self.machine, self.release = machine, release

    def run(self, command):
        return self.machine.run("sh", "-c", command, check=False, timeout=COMMAND_LIMIT_S, stdin=subprocess.DEVNULL)

    def must(self, command):
        done = self.run(command)
        assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"
        return done.stdout.strip()

    def install(self, version="0.1.0"):
        return self.must(f"{APT} /packages/{self.release.deb(version).name}")

    def until(self, command, patience_s=60):
        end = time.monotonic() + patience_s
        while self.run(command).returncode != 0:
            assert time.monotonic() < end, f"not within {patience_s} s: {command}\n" + self.run("journalctl -o cat --no-pager | tail -n 40").stdout
            time.sleep(0.1)


@pytest.fixture(scope="module")
def booted(release, bootable):
    """For tests that change nothing: one machine, the package installed."""
    with release.machine() as machine:
        host = Host(machine, release)
        host.install()
        yield host


@pytest.fixture
def host(release, bootable):
    """A new machine for each test that changes it."""
    with release.machine() as machine:
        yield Host(machine, release)
