#!/usr/bin/python3
"""Lets every canary sing: a simulator whose daemon lacks one mechanism must find something within so many seeds.

    tests/sim/canaries.py BUILD [--histories N] [--jobs N] [NAME...]

Says of each what was found by which seed, which is also how many histories that took. A patch whose text says "Defence in depth" takes out what
the protocol's safety does not rest on: of that one nothing may be found, so that the day when it is needed is noticed; fewer histories do for
that. Closes with "N passed, N failed"."""
import argparse
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

PATCHES = Path(__file__).parent / "canaries"
SPARE_HISTORIES = 200


def sing(binary, histories):
    """The first finding's seed and sentence; None when there was none."""
    run = subprocess.run([binary, "--histories", str(histories), "--findings", "1"], capture_output=True, text=True, check=False)
    found = re.search(r"^seed (\d+): (.*)", run.stdout, re.MULTILINE)
    if not found and run.returncode:
        sys.exit(f"{binary} ended with {run.returncode}: {run.stdout}{run.stderr}")
    return (int(found[1]), found[2]) if found else None


def is_spare(patch):
    return "Defence in depth" in patch.read_text().split("--- a/", 1)[0]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("build", type=Path)
    parser.add_argument("names", nargs="*")
    parser.add_argument("--histories", type=int, default=3000)
    parser.add_argument("--jobs", type=int, default=2)
    options = parser.parse_args()
    patches = [p for p in sorted(PATCHES.glob("*.patch")) if not options.names or p.stem in options.names]

    def listen(patch):
        histories = min(options.histories, SPARE_HISTORIES) if is_spare(patch) else options.histories
        return sing(options.build / "tests/sim" / f"canary_{patch.stem}", histories)

    passed = failed = 0
    with ThreadPoolExecutor(options.jobs) as pool:
        for patch, found in zip(patches, pool.map(listen, patches)):
            spare = is_spare(patch)
            right = (found is None) == spare
            passed, failed = passed + right, failed + (not right)
            what = f"seed {found[0]}: {found[1][:140]}" if found else "nothing found, as it should be" if spare else "NOTHING FOUND"
            print(f"{'ok    ' if right else 'FAILED'} {patch.stem:28} {what}", flush=True)
    print(f"{passed} passed, {failed} failed")
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    sys.exit(main())
