"""What the tests of refusals share: read a refusal from the log, run exactly the command that it names, see the era rise."""
import re
import shlex
import subprocess

from audit import Audit
from daemon import BINARY
from faults import SHORT_SESSION
from process import until

REFUSED = r"error refused: (.*)"


def begun(make_market, events, **options):
    """A market that has decided some events and whose daemon has stopped, with everything at rest."""
    market = make_market(**{"settings": SHORT_SESSION, **options})
    daemon = market.daemon()
    market.send_all(events)
    market.outcomes(alive=[daemon])
    market.audit()
    assert daemon.stop() == 0
    return market, daemon


def refused_at_start(daemon, found):
    """Starts it; it must end with 78 and say what was found. Returns the command that the log names, None where there is none."""
    daemon.start(wait=False)
    assert daemon.wait_exit() == 78, daemon.tail()
    return command_of(daemon, found)


def refused_at_run_time(daemon, found, timeout=20):
    daemon.wait_for(REFUSED + found, timeout)
    assert daemon.alive
    return command_of(daemon, found)


def command_of(daemon, found):
    lines = [line for line in re.findall(REFUSED, daemon.log()) if re.search(found, line)]
    assert lines, f"/{found}/ is not what was refused:\n{daemon.tail()}"
    command = re.search(r'resolve="([^"]*)"', lines[0])
    return command and command[1]


def run(command):
    words = shlex.split(command)
    assert words[0] == "orderd"
    return subprocess.run([BINARY, *words[1:]], capture_output=True, text=True, timeout=60)


def decided_again(command):
    """The other command for a rollback, where an operator does not want what was published to be applied again."""
    return command.replace("--reapply", "--accept-rollback")


def resolve(market, command, expected):
    """Runs the command as it stands in the log, which must hold `expected`; the era rises. Returns what it said."""
    assert command and expected in command, f"{command} instead of {expected}"
    before = market.meta().get("era")
    done = run(command)
    assert done.returncode == 0, f"{command}: {done.returncode}\n{done.stdout}{done.stderr}"
    assert int(market.meta()["era"]) > int(before or 0), f"the era was {before} and is {market.meta()['era']}"
    return done.stdout


def goes_on(market, daemon, events, **audit):
    """Decides further events and comes to rest; the audit's options say what was lost on purpose."""
    market.send_all(events)
    until(lambda: not Audit(market).unsettled() or not daemon.alive, 40, lambda: f"{Audit(market).unsettled()}\n{daemon.tail()}")
    assert daemon.alive, daemon.tail()
    return market.audit(**audit)
