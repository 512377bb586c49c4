"""The manual: its form, and that it says what the daemon does, no more and no less."""
import re
import subprocess

import pytest

from conftest import ROOT, commands, exit_codes

MAN = ROOT / "conf" / "man"
PAGES = sorted(MAN.iterdir())
COMMAND_PAGE = (MAN / "orderd.8").read_text()
SETTINGS_PAGE = (MAN / "orderd.conf.5").read_text()
TABLE = (ROOT / "daemon" / "config" / "table.c").read_text()
KINDS = re.findall(r"X\(\w+, (\w+), (\d+)\)", (ROOT / "daemon" / "rules" / "event.h").read_text().split("enum event_kind")[0])
# What every command takes and no help has to say.
SHORT = {"-c", "-h", "--config", "--help"}


def reloads(word):
    return "reload" if word == "true" else "restart"


def facts():
    """Of every setting of the table, as the manual is to say it: type, range and unit, default, and how a change is taken over."""
    said = {}
    for kind, name, rest in re.findall(r'^ +(NUMBER|TEXT|LIST)\("([a-z_.]+)", [\w.]+, (.*)\),$', TABLE, flags=re.MULTILINE):
        words = [word.strip() for word in rest.split(",")]
        if kind == "NUMBER":
            default, low, high, unit, reload = words
            said[name] = f"Number, {low} to {high} {unit}".strip('" ').replace(' "', " ") + f"; default {default}; {reloads(reload)}."
        elif words[0] == "NULL":
            said[name] = f"{kind.title()}; required; {reloads(words[-1])}."
        elif kind == "TEXT":
            said[name] = f"Text; default {words[0]}; {reloads(words[1])}."
        else:
            said[name] = "List; default empty; restart."
    low, high, unit, reload = re.search(r'NUMBER\("deadline_ms." #kind, .*?, value, (\d+), (\d+), "(\w+)", (\w+)\)', TABLE).groups()
    for name, default in KINDS:
        said[f"deadline_ms.{name}"] = f"Number, {low} to {high} {unit}; default {default}; {reloads(reload)}."
    return said


def settings_told():
    """A setting's .It Va, and the line under it."""
    text = SETTINGS_PAGE.split(".Sh SETTINGS")[1].split("\n.Sh ")[0]
    return dict(re.findall(r"^\.It Va ([a-z_.]+)\n(.*)$", text, flags=re.MULTILINE))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_the_form_is_clean(page):
    """But for pages of others, which need not be installed here."""
    done = subprocess.run(["mandoc", "-T", "lint", "-W", "style", page], capture_output=True, text=True, check=False)
    assert [line for line in (done.stdout + done.stderr).splitlines() if "manual not found" not in line and "mandoc.db" not in line] == []


def test_the_table_is_read_whole(orderd, write):
    shown = orderd("--print-config", "-c", ROOT / "conf" / "orderd-minimal.conf").out
    assert len(facts()) == len(re.findall(r"^ *\w+ = ", shown, flags=re.MULTILINE)) > 40


def test_every_setting_is_told_with_its_type_range_default_and_reload():
    assert settings_told() == facts()


def test_the_file_marks_what_a_reload_takes_over():
    """A group whose text begins with (R), or in a group of both kinds a setting that is named behind it."""
    text = (ROOT / "conf" / "orderd.conf").read_text()
    marked = {found[1] for found in re.finditer(r"^// \(R\)[^\n]*\n(?://[^\n]*\n)*#?(\w+)", text, flags=re.MULTILINE)}
    marked |= {f"{found[1]}.{name}" for found in re.finditer(r"^(\w+):\n\{(.*?)^\};", text, flags=re.MULTILINE | re.DOTALL)
               for name in re.findall(r"\(R\) (\w+):", found[2])}
    reloading = {name for name, fact in facts().items() if fact.endswith("reload.")}
    mixed = {name.partition(".")[0] for name in set(facts()) - reloading}
    assert marked == {name if name.partition(".")[0] in mixed else name.partition(".")[0] for name in reloading}


def test_no_setting_is_named_that_is_none(orderd):
    """Neither here nor in the other page and the README."""
    groups = {name.partition(".")[0] for name in facts()} - {"shard", "orderd"}
    for text in (SETTINGS_PAGE, COMMAND_PAGE, (ROOT / "README.md").read_text()):
        named = set(re.findall(rf"\.Va ((?:{'|'.join(groups)})\.[a-z_]+)", text)) | set(re.findall(rf"`((?:{'|'.join(groups)})\.[a-z_]+)`", text))
        assert named and named - set(facts()) == set()


def test_refused_and_secret_properties_are_all_told():
    source = (ROOT / "daemon" / "config" / "check.c").read_text()
    refused = set(re.findall(r'^    \{"([a-z.]+)", "', source.split("refused[] = {")[1].split("};")[0], flags=re.MULTILINE))
    secret = set(re.findall(r'"([a-z.]+)"', source.split("secret_names[] = {")[1].split("};")[0]))
    told = SETTINGS_PAGE.split(".Sh PROPERTIES OF LIBRDKAFKA")[1].split(".Sh FILES")[0].replace(" , ", "\n.Va ")
    named = set(re.findall(r"^\.(?:It )?Va ([a-z.]+)", told, flags=re.MULTILINE))
    assert len(refused) > 15 and len(secret) > 5
    assert named - set(facts()) - {"max.poll.interval.ms", "session.timeout.ms"} == refused | secret


def test_the_redis_user_is_the_readmes():
    def words(text):
        return re.search(r"redis-cli ACL SETUSER(.*?[^\\])\n(?! *[+-])", text.replace("\\e\n", "\\\n"), flags=re.DOTALL).group(1).replace("\\\n", " ").split()

    assert words(COMMAND_PAGE) == words((ROOT / "README.md").read_text())
    assert len(words(COMMAND_PAGE)) > 40


def test_the_examples_load(orderd, write):
    examples = [text for text in re.findall(r"^\.Bd.*?\n(.*?)^\.Ed", SETTINGS_PAGE, flags=re.MULTILINE | re.DOTALL) if "dead_letters" in text]
    assert len(examples) == 2
    for name in ("redis-password", "kafka-password"):
        credential = write(name, "swordfish\n")
    for text in examples:
        ended = orderd("--check-config", "-c", write("orderd.conf", text), CREDENTIALS_DIRECTORY=str(credential.parent))
        assert (ended.code, ended.err) == (0, "")


def options_of_help(text):
    return set(re.findall(r"(?<![\w-])--?[a-z][a-z-]*(?![\w-])", text))


def options_told(text):
    return {"-" + name.replace("\\-", "-") for line in re.findall(r"^\.It (Fl .*)$", text, flags=re.MULTILINE)
            for name in re.findall(r"Fl (\S+)", line)}


def section(command):
    """What stands under a .Ss; one may tell of several commands that belong together."""
    found = re.search(rf"^\.Ss (?:orderd [a-z-]+ , )*orderd {command}(?: , orderd [a-z-]+)*\n(.*?)(?=^\.S[sh])", COMMAND_PAGE, flags=re.MULTILINE | re.DOTALL)
    assert found, f"conf/man/orderd.8 has no .Ss orderd {command}"
    return found[0]


def test_every_command_is_told_and_no_other(orderd):
    told = re.findall(r"orderd ([a-z-]+)", " ".join(re.findall(r"^\.Ss (orderd .*)$", COMMAND_PAGE, flags=re.MULTILINE)))
    assert sorted(told) == sorted(commands(orderd))


def test_every_option_of_every_command_is_told_and_no_other(orderd):
    for command in commands(orderd):
        named, told = options_of_help(orderd(command, "--help").out) | SHORT, options_told(section(command)) | SHORT
        assert told == named, f"orderd {command}: --help and manual differ in {sorted(told ^ named)}"


def test_every_option_without_a_command_is_told_and_no_other(orderd):
    lines = [line for line in orderd("--help").out.splitlines() if not re.match(r" {4}orderd [a-z]", line)]
    told = options_told(COMMAND_PAGE.split(".Sh FIRST START")[0])
    assert told | SHORT == options_of_help("\n".join(lines)) | SHORT


def test_the_signals_are_those_of_the_readme():
    rows = re.findall(r"^\| (SIG[A-Z, SIG]+) \|", (ROOT / "README.md").read_text(), flags=re.MULTILINE)
    told = re.findall(r"SIG[A-Z]+", " ".join(re.findall(r"^\.It (SIG.*)$", COMMAND_PAGE, flags=re.MULTILINE)))
    assert sorted(told) == sorted(re.findall(r"SIG[A-Z]+", " ".join(rows))) and len(told) > 2


def test_exit_codes_are_those_of_the_readme_and_of_the_helps(orderd):
    told = set(re.findall(r"^\.It (\d+)$", COMMAND_PAGE.split(".Sh EXIT STATUS")[1].split("\n.Sh ")[0], flags=re.MULTILINE))
    readme = re.search(r"^\| exit codes \| (.*) \|$", (ROOT / "README.md").read_text(), flags=re.MULTILINE).group(1)
    assert set(re.findall(r"\b(?:0|[67]\d)\b", readme)) <= told
    for command in [None] + commands(orderd):
        codes = exit_codes(orderd(*([command] if command else []), "--help").out)
        assert {"0", "64"} < set(codes) <= told, command
