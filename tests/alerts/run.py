#!/usr/bin/python3
"""Makes the fault of each alert for real and says when the alert was raised, and when it was gone after the mend.

    run.py             every `for` of the rules divided by ten: what tests/run.sh does
    run.py --full      the rules as they are shipped; six and a half minutes
    run.py killed well    only these scenes
"""
import argparse
import sys

from scenes import SCENES
from play import CLEARS_WITHIN_S, FIRES_WITHIN_S, Stage, waits


def table(plays):
    yield f"{'scene':<24}{'alert':<28}{'for':>6}{'raised after':>14}{'at most':>9}{'gone after':>12}{'at most':>9}"
    for play in plays:
        scene = play.scene.__name__
        for alert, timing in sorted(play.timings.items()) or [("nothing was raised", None)]:
            gone = "never" if timing and timing.cleared is None else f"{timing.cleared:.1f} s" if timing else ""
            figures = f"{timing.waits:>4} s{timing.fired:>12.1f} s{timing.waits + FIRES_WITHIN_S:>7} s{gone:>12}{CLEARS_WITHIN_S:>7} s" if timing else ""
            yield f"{scene:<24}{alert:<28}{figures}".rstrip()
            scene = ""


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--full", action="store_true")
    parser.add_argument("scene", nargs="*")
    options = parser.parse_args()
    chosen = [scene for scene in SCENES if not options.scene or scene.__name__ in options.scene]
    stage = Stage(chosen, 1 if options.full else 10)
    print("\n".join(table(stage.plays)))
    failed = [play for play in stage.plays if play.faults()]
    for play in failed:
        print(*(f"{play.name}: {fault}" for fault in play.faults()), play.logs, sep="\n")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
