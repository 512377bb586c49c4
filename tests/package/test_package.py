"""What the package holds, before anybody installs it."""
import re
import shutil
import subprocess

from conftest import ROOT

# What cannot be helped stands in conf/debian/lintian-overrides, each with its reason, but for a tag that Debian 13 knows no more and so
# would call a wrong override: it tells systemd when it is ready and that it lives, and another init would know neither.
LINTIAN_KNOWN = {"I: orderd: package-supports-alternative-init-but-no-init.d-script [usr/lib/systemd/system/orderd.service]"}
HOLDS = """
-rw-r----- /etc/orderd/orderd.conf
-rw-r--r-- /usr/lib/systemd/system/orderd.service
-rw-r--r-- /usr/lib/systemd/system/orderd@.service
-rw-r--r-- /usr/lib/sysusers.d/orderd.conf
-rwxr-xr-x /usr/sbin/orderd
-rw-r--r-- /usr/share/bash-completion/completions/orderd
-rw-r--r-- /usr/share/doc/orderd/PROTOCOL.md.gz
-rw-r--r-- /usr/share/doc/orderd/README.md.gz
-rw-r--r-- /usr/share/doc/orderd/changelog.Debian.gz
-rw-r--r-- /usr/share/doc/orderd/copyright
-rw-r--r-- /usr/share/doc/orderd/examples/credentials.conf
-rw-r--r-- /usr/share/doc/orderd/examples/orderd-minimal.conf
-rw-r--r-- /usr/share/doc/orderd/metrics.md.gz
-rw-r--r-- /usr/share/lintian/overrides/orderd
-rw-r--r-- /usr/share/man/man5/orderd.conf.5.gz
-rw-r--r-- /usr/share/man/man8/orderd.8.gz
"""


def listing(deb):
    """Path to (mode, owner)."""
    out = subprocess.run(["dpkg-deb", "-c", deb], capture_output=True, text=True, check=True).stdout
    rows = (line.split(maxsplit=5) for line in out.splitlines())
    return {row[5].lstrip("."): (row[0], row[1]) for row in rows}


def lintian(release):
    """Its lines, information and what is overridden included."""
    done = release.run(f"lintian --allow-root --display-info --show-overrides --fail-on none build-deb/{release.deb().name}")
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout.splitlines()


def test_it_holds_what_an_operator_needs(release):
    held = listing(release.deb())
    for line in HOLDS.split("\n")[1:-1]:
        mode, path = line.split()
        assert held.get(path) == (mode, "root/root"), path
    for path, (mode, owner) in held.items():
        assert owner == "root/root", path
        if path.endswith("/"):
            assert mode == "drwxr-xr-x", path
        else:
            assert path.startswith("/usr/") or path == "/etc/orderd/orderd.conf", path


def test_it_holds_every_rule_schema_and_example_of_the_source(release):
    held = listing(release.deb())
    for file in (ROOT / "conf").rglob("*.*"):
        if file.suffix in (".yml", ".yaml", ".json"):
            assert f"/usr/share/orderd/{file.relative_to(ROOT / 'conf')}" in held
    for file in (ROOT / "systemd" / "examples").iterdir():
        assert f"/usr/share/doc/orderd/examples/{file.name}" in held


def test_cmake_install_gives_the_same(release, tmp_path):
    """By what the README's commands built; but for the control files dpkg adds nothing."""
    staged = release.built / "staged"
    shutil.rmtree(staged, ignore_errors=True)
    release.must("DESTDIR=$PWD/build-deb/staged cmake --install build-deb")
    installed = {"/" + str(path.relative_to(staged)): path for path in staged.rglob("*") if not path.is_dir()}
    held = {path: mode for path, (mode, _) in listing(release.deb()).items() if not path.endswith("/")}
    assert set(installed) == set(held)
    unpacked = tmp_path / "unpacked"
    subprocess.run(["dpkg-deb", "-x", release.deb(), unpacked], check=True)
    for path, file in installed.items():
        assert file.stat().st_mode & 0o777 == (unpacked / path[1:]).stat().st_mode & 0o777, path
        if path != "/usr/sbin/orderd":      # stripped in the package
            assert file.read_bytes() == (unpacked / path[1:]).read_bytes(), path


def test_lintian_has_nothing_to_say(release):
    said = lintian(release)
    assert {line for line in said if re.match(r"[EWI]: ", line)} - LINTIAN_KNOWN == set()
    assert len([line for line in said if line.startswith("O: ")]) == 2, "the overrides, each of which is needed"


def test_it_is_of_its_release(release):
    assert release.field("Version") == f"0.1.0-1~deb{release.number}"
    assert {"bookworm": "libhiredis0.14", "trixie": "libhiredis1.1.0"}[release.name] in release.field("Depends")
    assert "librdkafka1 (>= 2.0.2)" in release.field("Depends") and "liblmdb0" in release.field("Depends")


def test_a_newer_one_of_a_later_release_is_an_upgrade():
    assert subprocess.run(["dpkg", "--compare-versions", "0.1.0-1~deb12", "lt", "0.1.0-1~deb13"], check=False).returncode == 0


def test_the_daemon_is_hardened(release, tmp_path):
    subprocess.run(["dpkg-deb", "-x", release.deb(), tmp_path], check=True)
    binary = tmp_path / "usr" / "sbin" / "orderd"

    def elf(*options):
        return subprocess.run(["readelf", "-W", *options, binary], capture_output=True, text=True, check=True).stdout

    assert re.search(r"Type: +DYN", elf("-h")) and re.search(r"FLAGS_1.*PIE", elf("-d"))
    assert "GNU_RELRO" in elf("-l") and re.search(r"FLAGS_1.*NOW", elf("-d"))
    assert re.search(r"GNU_STACK.* RW ", elf("-l"))
    assert "__stack_chk_fail" in elf("--dyn-syms") and re.search(r"__\w+_chk@", elf("--dyn-syms"))
    assert ".symtab" not in elf("-S") and "RPATH" not in elf("-d") and "RUNPATH" not in elf("-d")
