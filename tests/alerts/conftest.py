import sys
from pathlib import Path

sys.path.insert(1, str(Path(__file__).resolve().parent.parent / "live"))


def pytest_configure(config):
    config.addinivalue_line("markers", "xdist_group(name): one worker runs them all")
