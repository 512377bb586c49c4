#!/usr/bin/python3
"""The simulator's own tests: a seed is one history, and a finding can be reprinted and made small.

    tests/sim/itself.py BUILD

The finding is that of a canary (tests/sim/canaries), since the sound daemon should give none. Closes with "N passed, N failed"."""
import re
import subprocess
import sys
from pathlib import Path

CANARY = "commit_before_delivery"
SEED = "17"


def run(program, *arguments):
    done = subprocess.run([program, *arguments], capture_output=True, text=True, errors="replace", check=False)
    return done.returncode, done.stdout


def finding(output):
    """The kind of the last finding in the output; None when there is none."""
    kinds = re.findall(r"^(?:seed \d+: )?([A-Z_]+|unrest|crashes|hangs): ", output, re.MULTILINE)
    return kinds[-1] if kinds else None


def parts(output):
    """How many events and mishaps the plan still has."""
    return sum(int(number) for number in re.search(r"(\d+) events, (\d+) mishaps$", output, re.MULTILINE).groups())


def a_seed_is_one_history(sim, _):
    first, second = run(sim, "--seed", SEED), run(sim, "--seed", SEED)
    assert first == second, "two runs of one seed differ"
    assert first[1].count("\n") > 100, "the trace is nearly empty"


def other_seeds_are_other_histories(sim, _):
    assert run(sim, "--seed", SEED) != run(sim, "--seed", "18")


def many_histories_find_what_one_finds(_, canary):
    code, output = run(canary, "--histories", "200", "--findings", "1")
    seed = re.search(r"^seed (\d+): ", output, re.MULTILINE)
    assert code == 1 and seed, "the canary sang not once"
    assert finding(run(canary, "--seed", seed[1], "--quiet")[1]) == finding(output)


def a_finding_is_made_small_and_found_again(_, canary):
    seed = re.search(r"^seed (\d+): ", run(canary, "--histories", "200", "--findings", "1")[1], re.MULTILINE)[1]
    whole, small = run(canary, "--seed", seed, "--quiet")[1], run(canary, "--seed", seed, "--shrink", "--quiet")[1]
    assert finding(whole) == finding(small), "another finding came of it"
    assert parts(small) < parts(whole) / 4, f"{parts(small)} of {parts(whole)} parts are left"
    again = re.search(r"^again: sim (.*)$", small, re.MULTILINE)[1].split()
    assert finding(run(canary, *again, "--quiet")[1]) == finding(small), "the command that is named finds something else"


def what_is_found_is_the_canarys(sim, canary):
    seed = re.search(r"^seed (\d+): ", run(canary, "--histories", "200", "--findings", "1")[1], re.MULTILINE)[1]
    assert run(sim, "--seed", seed, "--quiet")[0] == 0


def a_wrong_option_says_the_right_ones(sim, _):
    assert run(sim, "--sead", "1")[0] == 64


def main():
    build = Path(sys.argv[1])
    sim, canary = build / "tests/sim/sim", build / f"tests/sim/canary_{CANARY}"
    passed = failed = 0
    for test in (a_seed_is_one_history, other_seeds_are_other_histories, many_histories_find_what_one_finds,
                 a_finding_is_made_small_and_found_again, what_is_found_is_the_canarys, a_wrong_option_says_the_right_ones):
        try:
            test(sim, canary)
            passed += 1
        except (AssertionError, TypeError) as error:
            failed += 1
            print(f"FAILED {test.__name__}: {error}")
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
