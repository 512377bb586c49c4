"""The bash completion as bash runs it: what TAB offers behind a line."""
import os
import re
import subprocess

import pytest

from conftest import BINARY, ROOT, commands

SCRIPT = """
. /usr/share/bash-completion/bash_completion
. "$COMPLETION"
COMP_LINE=$LINE COMP_POINT=${#LINE}
read -ra COMP_WORDS <<<"$LINE"
[[ $LINE == *' ' ]] && COMP_WORDS+=('')
COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
function_of=$(complete -p orderd | sed -E 's/.* -F ([^ ]+) .*/\\1/')
"$function_of" orderd "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD-1]}"
printf '%s\\n' "${COMPREPLY[@]}"
"""


@pytest.fixture
def offered(tmp_path):
    """TAB behind a line, in a folder with one file of each kind."""
    for name in ("shop.conf", "notes.txt"):
        (tmp_path / name).touch()

    def complete(line):
        path = f"{BINARY.parent}:{os.environ['PATH']}"
        done = subprocess.run(["bash", "--norc", "-c", SCRIPT], cwd=tmp_path, capture_output=True, text=True, timeout=90, check=False,
                              env={"PATH": path, "HOME": str(tmp_path), "LINE": line, "COMPLETION": str(ROOT / "conf" / "completions" / "orderd")})
        assert (done.returncode, done.stderr) == (0, "")
        return set(done.stdout.split())

    return complete


def test_the_first_word_is_a_command(orderd, offered):
    assert offered("orderd ") == set(commands(orderd)) and "init" in offered("orderd ")
    assert offered("orderd in") == {"init"}


def test_every_command_offers_the_options_of_its_help(orderd, offered):
    for command in commands(orderd):
        named = set(re.findall(r"(?<![\w-])(?:-[a-z]|--[a-z][a-z-]*)\b", orderd(command, "--help").out))
        assert named and offered(f"orderd {command} -") == named, command


def test_without_a_command_too(offered):
    assert offered("orderd --") >= {"--check-config", "--print-config", "--version", "--help"}
    assert offered("orderd --pr") == {"--print-config"}


def test_events_are_in_any_file(offered):
    assert offered("orderd check-events ") == {"shop.conf", "notes.txt"}


def test_a_snapshot_is_any_file_and_works_in_a_folder(offered):
    assert offered("orderd snapshot -c shop.conf sh") == {"shop.conf"} and offered("orderd snapshot --show no") == {"notes.txt"}
    assert offered("orderd snapshot --work ") == set()
    assert offered("orderd restore -c shop.conf no") == {"notes.txt"}


@pytest.mark.parametrize("line", ["orderd -c ", "orderd init -c ", "orderd --check-config --config sh"])
def test_a_configuration_is_a_file(offered, line):
    assert offered(line) == {"shop.conf"}


def test_where_to_begin_has_two_names(offered):
    assert offered("orderd init --from ") == {"start", "end"}
    assert offered("orderd offsets --to ") == {"start", "end"}
    assert offered("orderd audit --to ") == {"start", "end"}


def test_levels_and_no_rate_have_names(offered):
    assert offered("orderd log-level ") == {"error", "warning", "notice", "info", "debug"}
    assert offered("orderd rate ") == {"off"}


def test_dead_letters_have_verbs_and_states(offered):
    assert offered("orderd dead-letter re") == {"redrive", "reopen"}
    assert offered("orderd dead-letter list --state ") == {"open", "sending", "redriven", "discarded"}


def test_a_control_socket_is_a_file(offered):
    assert offered("orderd status --socket no") == {"notes.txt"}


def test_a_value_that_nobody_can_guess_is_not_guessed(offered):
    assert offered("orderd init --accept-loss ") == set()
