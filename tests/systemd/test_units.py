"""The units as text: systemd finds nothing to say about them, and little that is exposed."""
import re
import shutil
import subprocess

import pytest

from conftest import BUILD, ROOT, UNITS, setting

EXPOSURE_MAX = 1.2
NAMES = {"orderd.service": "orderd.service", "orderd@.service": "orderd@shop.service"}
EXAMPLES = sorted((ROOT / "systemd" / "examples").glob("*.conf"))

pytestmark = pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="systemd-analyze is not installed")


def analyze(*arguments):
    return subprocess.run(["systemd-analyze", *map(str, arguments)], capture_output=True, text=True, timeout=60, check=False)


@pytest.fixture(params=NAMES)
def unit(request, tmp_path):
    """The unit, which names the daemon where it was built: it is not installed on this machine."""
    text = (UNITS / request.param).read_text()
    path = tmp_path / NAMES[request.param]
    path.write_text(text.replace(setting(text, "ExecStart").split(" ")[0], str(BUILD / "daemon" / "orderd")))
    return path


def test_verify_prints_nothing(unit):
    done = analyze("verify", "--man=no", unit)
    assert (done.returncode, done.stdout + done.stderr) == (0, "")


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.stem)
def test_verify_prints_nothing_with_an_example(unit, example):
    folder = unit.parent / f"{unit.name}.d"
    folder.mkdir()
    shutil.copy(example, folder)
    done = analyze("verify", "--man=no", unit)
    assert (done.returncode, done.stdout + done.stderr) == (0, "")


def test_little_is_exposed(unit):
    done = analyze("security", "--offline=true", unit)
    exposure = float(re.search(r"exposure level for \S+: ([0-9.]+)", done.stdout).group(1))
    assert exposure <= EXPOSURE_MAX, done.stdout


@pytest.mark.parametrize("name", NAMES)
def test_what_it_executes_may_be_executed(name):
    text = (UNITS / name).read_text()
    allowed = setting(text, "ExecPaths").split(" ")
    assert setting(text, "NoExecPaths").split(" ")[0] == "/"
    assert [setting(text, verb).split(" ")[0] for verb in ("ExecStart", "ExecReload")] == allowed[:2]
