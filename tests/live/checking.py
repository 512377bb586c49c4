"""What the tests of `orderd check` share: its report, line by line."""
import json
import subprocess
from dataclasses import dataclass

from daemon import BINARY

PATIENCE_S = 120


@dataclass
class Line:
    kind: str       # ok, warning, failure, not_checked
    about: str
    found: str
    do: str = ""    # "": nothing


@dataclass
class Report:
    """code: the exit code; lines: in their order."""
    code: int
    lines: list

    def of(self, kind):
        return [line for line in self.lines if line.kind == kind]

    def about(self, start):
        """The lines about what begins so."""
        return [line for line in self.lines if line.about.startswith(start)]

    def one(self, about, kind=None):
        """The only line about it (of that kind)."""
        found = [line for line in self.lines if line.about == about and kind in (None, line.kind)]
        assert len(found) == 1, self
        return found[0]

    def __repr__(self):
        return f"exit {self.code}\n" + "\n".join(f"{line.kind:12}{line.about}: {line.found} -> {line.do}" for line in self.lines)


def checked(daemon, *options, code):
    """Runs `orderd check --connect` on the daemon's file, which must end with `code`; the summary must agree with the lines."""
    done = subprocess.run([BINARY, "check", "--connect", "--json", "-c", daemon.file, *options], capture_output=True, text=True, timeout=PATIENCE_S)
    objects = [json.loads(line) for line in done.stdout.splitlines()]
    assert done.stderr == "" and objects, done.stderr
    summary = objects.pop()
    report = Report(done.returncode, [Line(**line) for line in objects])
    assert summary == {"kind": "summary", **{kind: len(report.of(kind)) for kind in ("ok", "warning", "failure", "not_checked")}, "exit": done.returncode}
    assert report.code == code, report
    return report
