"""The Debian package on the releases that it is for. Each builds its own: the machine's release here, the other one in a root that
debootstrap makes once (root.sh). Where that root cannot be made, its tests are reported as skipped with the reason.
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
sys.path.insert(0, str(ROOT / "tests" / "systemd"))
from machine import Machine

OUT = Path(os.environ.get("ORDERD_PACKAGES") or ROOT / "build" / "package")
RELEASES = {"bookworm": "12", "trixie": "13"}
BUILD_LIMIT_S, ROOT_LIMIT_S, COMMAND_LIMIT_S = 600, 1200, 120
NEXT_VERSION = "0.1.1"


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
        self.folder.mkdir(parents=True, exist_ok=True)
        if not self.own:
            self.make_roots()
        self.root = "/" if self.own else self.folder / "clean"

    def make_roots(self):
        if not shutil.which("debootstrap"):
            pytest.skip("debootstrap is not there to make a root of another release")
        made = subprocess.run([ROOT / "tests" / "package" / "root.sh", self.name, self.folder], capture_output=True, text=True,
                              timeout=ROOT_LIMIT_S, check=False)
        if made.returncode == 69:
            pytest.skip(f"no root of {self.name} can be made: {made.stderr.strip().splitlines()[-1]}")
        assert made.returncode == 0, made.stderr

    def run(self, command):
        """In the source's folder, as this release has it; build-deb/ is the release's own."""
        if self.own:
            done = subprocess.run(["sh", "-c", command], cwd=ROOT, capture_output=True, text=True, timeout=BUILD_LIMIT_S, check=False)
        else:
            (ROOT / "build-deb").mkdir(exist_ok=True)
            for folder in (self.folder / "build", self.folder / "builder" / "source"):
                folder.mkdir(exist_ok=True)
            inside = self.folder / "builder"
            script = f"""set -e
mount --bind {shlex.quote(str(ROOT))} {inside}/source
mount --bind {self.folder}/build {inside}/source/build-deb
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
        for old in (self.folder / "build").glob("*.deb") if not self.own else (ROOT / "build-deb").glob("*.deb"):
            old.unlink()
        for command in readme_block("cmake -S . -B build-deb"):
            self.must(command)
        self.must(f"cd build-deb && cpack -G DEB -D CPACK_PACKAGE_VERSION={NEXT_VERSION}")
        self.must("cc -o build-deb/mockd tests/mock/mockd.c $(pkg-config --cflags --libs rdkafka)")

    @property
    def built(self):
        return ROOT / "build-deb" if self.own else self.folder / "build"

    def deb(self, version="0.1.0"):
        found = list(self.built.glob(f"orderd_{version}-*.deb"))
        assert len(found) == 1, f"{found} for {version} in {self.built}"
        return found[0]

    def fetch(self):
        """What apt needs to install it without a network: only a new machine's root lacks it."""
        if self.own:
            return
        within = Path(self.root) / "tmp" / self.deb().name
        shutil.copy(self.deb(), within)
        shutil.copy("/etc/resolv.conf", Path(self.root) / "etc" / "resolv.conf")
        try:
            done = subprocess.run(["chroot", self.root, "sh", "-c", "[ -e /var/lib/apt/periodic-fetched ] || apt-get update -qq && touch /var/lib/apt/periodic-fetched; "
                                   f"apt-get install -y -qq --no-install-recommends --download-only /tmp/{within.name} redis-server kcat"],
                                  capture_output=True, text=True, timeout=ROOT_LIMIT_S, check=False)
            assert done.returncode == 0, done.stdout + done.stderr
        finally:
            within.unlink()


@pytest.fixture(scope="session", params=sorted(RELEASES, key=lambda name: name != codename()))
def release(request):
    reason = Machine.missing()
    if reason:
        pytest.skip(reason)
    made = Release(request.param)
    made.build()
    made.fetch()
    return made


class Host:
    """A booted machine with the package's files at hand, and what an operator does on it."""

    def __init__(self, machine, release):
        self.machine, self.release = machine, release
        # An image for containers forbids services to start; and an index of all manuals would be made with each package.
        self.must("rm -f /usr/sbin/policy-rc.d /var/lib/man-db/auto-update")

    def run(self, command):
        return self.machine.run("sh", "-c", command, check=False, timeout=COMMAND_LIMIT_S, stdin=subprocess.DEVNULL)

    def must(self, command):
        done = self.run(command)
        assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"
        return done.stdout.strip()

    def install(self, version="0.1.0"):
        return self.must("DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends --allow-downgrades "
                         f"/packages/{self.release.deb(version).name} 2>&1")

    def until(self, command, patience_s=60):
        end = time.monotonic() + patience_s
        while self.run(command).returncode != 0:
            assert time.monotonic() < end, f"not within {patience_s} s: {command}\n" + self.run("journalctl -o cat --no-pager | tail -n 40").stdout
            time.sleep(0.1)


@pytest.fixture(scope="module")
def booted(release):
    """For tests that change nothing: one machine, the package installed."""
    with Machine(root=str(release.root), binds={str(release.built): "/packages"}) as machine:
        host = Host(machine, release)
        host.install()
        yield host


@pytest.fixture
def host(release):
    """A new machine for each test that changes it."""
    with Machine(root=str(release.root), binds={str(release.built): "/packages"}) as machine:
        yield Host(machine, release)
