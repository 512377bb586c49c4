"""What the tree must look like, checked: tidy.py BUILD (a folder with the plain build's objects).

Every check is a function from a tree to its violations, and counts as two tests: that the tree has none, and that a planted
violation is found. Closes with "N passed, N failed"; exits 1 when one failed.
"""
import os
import re
import statistics
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
SKIPPED = re.compile(r"^(\.git|build.*|__pycache__|\.pytest_cache|target|corpus|.*\.log)$")
TOP_LEVEL = {"daemon", "conf", "systemd", "tests", "CMakeLists.txt", "README.md", "LICENSE"}     # and dotfiles

# Which folder may include which, beside itself. What stands on the left knows what stands on the right.
LAYERS = {
    "base": set(),
    "rules": {"base"},
    "seam": {"base"},
    "store": {"seam", "base"},
    "codec": {"rules", "seam", "base"},
    "stream": {"codec", "seam", "base"},
    "ledger": {"store", "stream", "codec", "rules", "seam", "base"},
    "history": {"ledger", "store", "stream", "codec", "rules", "seam", "base"},
    "turn": {"history", "ledger", "store", "stream", "codec", "rules", "seam", "base"},
    "archive": {"history", "ledger", "store", "stream", "codec", "rules", "seam", "base"},
    "audit": {"archive", "history", "ledger", "store", "stream", "codec", "rules", "seam", "base"},
    "replay": {"turn", "archive", "history", "ledger", "store", "stream", "codec", "rules", "seam", "base"},
    "letters": {"ledger", "store", "stream", "codec", "rules", "seam", "base"},
    "config": {"rules", "seam", "base"},     # beside the others: the kinds have deadlines, librdkafka judges its properties
    "service": {"turn", "ledger", "store", "stream", "codec", "rules", "seam", "base"},
    "commands": {"service", "config", "replay", "audit", "archive", "letters", "turn", "history", "ledger", "store", "stream", "codec", "rules", "seam", "base"},
    "main.c": {"commands", "config", "base"},
}
# The only files that may know a library.
LIBRARIES = {
    "librdkafka/": {"seam/kafka_ask.c", "seam/kafka_conf.c", "seam/kafka_in.c", "seam/kafka_look.c", "seam/kafka_out.c", "seam/kafka_scan.c", "seam/kafka_transaction.c"},
    "hiredis/": {"seam/redis_link.c"},
    "jansson.h": {"seam/json.c"},
    "libconfig.h": {"config/load.c"},
    "microhttpd.h": {"seam/http.c"},
    "systemd/": {"seam/notify.c"},
    "lmdb.h": {"seam/table.c"},
}
# The only variables that may change and belong to nobody: a signal handler is handed nothing of ours.
GLOBALS = {("commands/crash.c", "watched")}
FUNCTION_MAX, FUNCTION_MEDIAN, FILE_MAX = 70, 15, 500
BANNED = r"\b(atoi|atol|atof|sprintf|vsprintf|strcpy|strcat|strtok|gets)\s*\("


class Tree:
    """Paths to texts, and the symbols of the objects: (source, section, name)."""

    def __init__(self, files, symbols, names):
        self.files, self.symbols, self.names = files, symbols, names

    def planted(self, path=None, text="", symbol=None, name=None):
        files = {**self.files, **({path: text} if path else {})}
        return Tree(files, self.symbols + ([symbol] if symbol else []), self.names | ({name} if name else set()))

    def matching(self, pattern):
        return sorted((path, text) for path, text in self.files.items() if re.search(pattern, path))

    def daemon(self, pattern=r"\.[ch]$"):
        return [(path[len("daemon/"):], text) for path, text in self.matching(r"^daemon/") if re.search(pattern, path)]


def read_tree(build):
    files = {}
    for folder, folders, names in os.walk(ROOT):
        folders[:] = [name for name in folders if not SKIPPED.match(name)]
        for name in names:
            if SKIPPED.match(name):     # a worktree's .git is a file
                continue
            path = os.path.relpath(os.path.join(folder, name), ROOT)
            try:
                with open(os.path.join(ROOT, path), encoding="utf-8") as file:
                    files[path] = file.read()
            except UnicodeDecodeError:
                pass
    return Tree(files, read_symbols(build), {name for name in os.listdir(ROOT) if not SKIPPED.match(name)})


def read_symbols(build):
    symbols = []
    for folder, _, names in os.walk(os.path.join(build, "daemon")):
        for name in names:
            if not name.endswith(".c.o"):
                continue
            source = os.path.relpath(os.path.join(folder, name[:-2]), os.path.join(build, "daemon")).split(".dir/")[1]
            table = subprocess.run(["objdump", "-t", os.path.join(folder, name)], check=True, capture_output=True, text=True).stdout
            for line in table.splitlines():
                found = re.match(r"^[0-9a-f]+ .{5}(.)O (\S+)\t\S+\s+(?:\.hidden )?(\S+)$", line) or re.match(r"^[0-9a-f]+ (.).{6}(\*COM\*)\t\S+\s+(\S+)$", line)
                if found:
                    symbols.append((source, found.group(2), found.group(3)))
    return symbols


def code_of(text):
    """The text with comments and what stands in quotes blanked out, line by line."""
    def blank(found):
        return re.sub(r"[^\n]", " ", found.group(0))
    return re.sub(r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', blank, text, flags=re.S)


def numbered(text):
    return enumerate(text.split("\n"), 1)


def folder_of(path):
    return path.split("/")[0]


def includes(text):
    return [(number, found.group(1)) for number, line in numbered(text) for found in [re.match(r'#include "([^"]+)"', line)] if found]


def functions(text):
    """Name, first line and length of every function: from its brace in the first column to the closing one."""
    lines = code_of(text).split("\n")
    for start, line in enumerate(lines):
        if line != "{":
            continue
        end = next((i for i in range(start, len(lines)) if lines[i].startswith("}")), start)
        head = next((i for i in range(start - 1, -1, -1) if not lines[i].startswith(" ")), start)
        name = re.search(r"(\w+)\(", lines[head])
        yield (name.group(1) if name else "?"), head + 1, end - head + 1


def layers(tree):
    for path, text in tree.daemon():
        for number, included in includes(text):
            mine, other = folder_of(path), folder_of(included)
            if mine not in LAYERS:
                yield f"daemon/{path}: folder {mine} is in no layer"
            elif other != mine and other not in LAYERS[mine]:
                yield f"daemon/{path}:{number}: {mine} may not know {other} ({included})"


def cycles(tree):
    edges = {path: [name for _, name in includes(text)] for path, text in tree.daemon(r"\.h$")}
    done, violations = set(), []

    def visit(path, way):
        if path in way:
            violations.append("includes go round: " + " -> ".join(way[way.index(path):] + [path]))
        elif path not in done:
            for other in edges.get(path, []):
                visit(other, way + [path])
            done.add(path)
    for path in sorted(edges):
        visit(path, [])
    return violations


def rules_are_pure(tree):
    allowed = {"stdbool.h", "stddef.h", "stdint.h", "string.h", "stdlib.h", "stdalign.h"}
    for path, text in tree.daemon(r"^daemon/rules/"):
        for number, line in numbered(text):
            found = re.match(r'#include ["<]([^">]+)[">]', line)
            if found and found.group(1) not in allowed and folder_of(found.group(1)) not in ("base", "rules"):
                yield f"daemon/{path}:{number}: rules/ may not include {found.group(1)}"
            if found and found.group(1) == "base/log.h":
                yield f"daemon/{path}:{number}: rules never log"


def libraries(tree):
    for path, text in tree.daemon():
        for number, line in numbered(text):
            for library, allowed in LIBRARIES.items():
                if re.match(rf'#include [<"]{re.escape(library)}', line) and path not in allowed:
                    yield f"daemon/{path}:{number}: {library.rstrip('/')} is known to {', '.join(sorted(allowed))} alone"


def long_functions(tree):
    for path, text in tree.matching(r"^(daemon|tests)/.*\.[ch]$"):
        for name, line, length in functions(text):
            if length > FUNCTION_MAX:
                yield f"{path}:{line}: {name} has {length} lines, at most {FUNCTION_MAX} are allowed"


def median_function(tree):
    lengths = [length for _, text in tree.daemon() for _, _, length in functions(text)]
    if statistics.median(lengths) > FUNCTION_MEDIAN:
        yield f"the median function of daemon/ has {statistics.median(lengths)} lines, at most {FUNCTION_MEDIAN} are allowed"


def long_files(tree):
    for path, text in tree.matching(r"^(daemon|tests)/.*\.[ch]$"):
        if text.count("\n") > FILE_MAX:
            yield f"{path}: {text.count(chr(10))} lines, at most {FILE_MAX} are allowed"


def banned_calls(tree):
    for path, text in tree.daemon():
        for number, line in numbered(code_of(text)):
            for found in re.finditer(BANNED, line):
                yield f"daemon/{path}:{number}: {found.group(1)} is banned"


def mutable_globals(tree):
    if not tree.symbols:
        yield "no object was found; build first"
    for source, section, name in tree.symbols:
        mutable = re.match(r"^(\.data|\.bss|\.tdata|\.tbss|\*COM\*)", section) and not section.startswith(".data.rel.ro")
        if mutable and (source, name) not in GLOBALS:
            yield f"daemon/{source}: {name} is a variable that belongs to no daemon ({section})"


def in_cmake(tree):
    """A source is named in the CMakeLists.txt of its folder or of one above."""
    for path, _ in tree.matching(r"^(daemon|tests)/.*\.c$"):
        parts = path.split("/")
        ways = [("/".join(parts[:i] + ["CMakeLists.txt"]), "/".join(parts[i:])) for i in range(1, len(parts))]
        if not any(re.search(rf"(?<![\w/]){re.escape(name)}(?![\w])", tree.files.get(listing, "")) for listing, name in ways):
            yield f"{path}: in no CMakeLists.txt"


def headers_open_with_a_comment(tree):
    for path, text in tree.matching(r"^(daemon|tests)/.*\.h$"):
        if not text.startswith("/*"):
            yield f"{path}:1: a header says first what its module is for"


def prototypes_have_a_comment(tree):
    """A paragraph of prototypes has a comment, or follows the type or macro that has it; where a header has one such paragraph, the
    opening comment will do."""
    for path, text in tree.daemon(r"\.h$"):
        bare, line = [], 1
        paragraphs = text.split("\n\n")
        with_prototypes = 0
        for before, paragraph in zip([""] + paragraphs, paragraphs):
            prototype = re.search(r"^(?!typedef|#|static|enum [\w]+ \{|struct \w+ \{| |\}|/)[^;{}=]*\b\w+\([^;{}]*\)[^;{}]*;", code_of(paragraph), flags=re.M)
            if prototype:
                with_prototypes += 1
                told = "/*" in paragraph or ("/*" in before and re.search(r"^(struct|enum|typedef|#define) ?\w.*[^;]$", before, flags=re.M))
                if not told:
                    bare.append(f"daemon/{path}:{line}: nobody says what {prototype.group(0).split('(')[0].split()[-1]} does")
            line += paragraph.count("\n") + 2
        if with_prototypes > 1:
            yield from bare


def trailing_space(tree):
    """But in patches, where an empty line of the source is a space."""
    for path, text in tree.matching(r"(?<!\.patch)$"):
        for number, line in numbered(text):
            if re.search(r"[ \t\r]$", line):
                yield f"{path}:{number}: space at the line's end"


def unfinished(tree):
    for path, text in tree.matching(r"."):
        for number, line in numbered(text):
            if re.search(r"\b(TO" r"DO|FIX" r"ME|X" r"XX)\b", line):
                yield f"{path}:{number}: unfinished: {line.strip()[:80]}"


def machine_paths(tree):
    for path, text in tree.matching(r"."):
        for number, line in numbered(text):
            if re.search(r"(?<![\w.])/(home|root|work|Users|mnt)/\w|/tmp/[wh]/", line):
                yield f"{path}:{number}: a path of some machine"
            if "../sha" "red" in line and path != ".ci/run":
                yield f"{path}:{number}: a path outside of the project"


def top_level(tree):
    for name in sorted(tree.names):
        if name not in TOP_LEVEL and not name.startswith("."):
            yield f"{name}: not one of the top level's names"


def settings_of_table(tree):
    table = tree.files["daemon/config/table.c"]
    kinds = re.findall(r"X\(\w+, (\w+), \d+\)", tree.files["daemon/rules/event.h"].split("enum event_kind")[0])
    return set(re.findall(r'\b(?:NUMBER|TEXT|LIST)\("([a-z_.]+)",', table)) | {f"deadline_ms.{kind}" for kind in kinds}


def settings_of_file(text):
    """Settings given or, behind a '#', shown at their default; "//" begins prose."""
    group, names = "", set()
    for line in text.split("\n"):
        line = re.sub(r"^(\s*)#\s*", r"\1", line)
        if re.match(r"^\s*//", line):
            continue
        opened = re.match(r"^\s*([a-z_]+)\s*:", line)
        group = opened.group(1) if opened else group
        for name in re.findall(r"(?:^|[{;])\s*([a-z_]+)\s*=", line[opened.end():] if opened else line):
            names.add(f"{group}.{name}" if group else name)
        if re.search(r"\}\s*;", line):
            group = ""
    return names


def settings_are_documented(tree):
    text = tree.files.get("conf/orderd.conf")
    if text is None:
        return
    table, shown = settings_of_table(tree), settings_of_file(text)
    yield from (f"conf/orderd.conf: {name} is missing" for name in sorted(table - shown))
    yield from (f"conf/orderd.conf: {name} is no setting" for name in sorted(shown - table))


def log_formats(text):
    """Line and format of each line that is logged: its string literals joined."""
    for call in re.finditer(r'\blog_(?:error|warning|notice|info|debug|at)\((?:[^",;]|\([^()]*\))+,(?:\s*[a-z]+,)?\s*((?:"(?:\\.|[^"\\])*"\s*)+)[,)]', text):
        yield text.count("\n", 0, call.start()) + 1, "".join(re.findall(r'"((?:\\.|[^"\\])*)"', call.group(1)))


def log_lines_are_a_sentence_and_pairs(tree):
    """As base/log.h has it: else a pair would be words in a JSON log, or one name would stand there twice."""
    seen = 0
    for path, text in tree.daemon(r"\.c$"):
        for number, form in log_formats(text):
            seen += 1
            sentence, pairs = re.fullmatch(r'(.*?)((?: [a-z_]+=(?:\\".*?\\"|[^ "]*))*)', form).groups()
            names = re.findall(r" ([a-z_]+)=", pairs)
            if re.search(r" [a-z_]+=", sentence) or not sentence:
                yield f"daemon/{path}:{number}: a pair stands inside of the sentence: {form}"
            if len(set(names)) < len(names) or {"time", "level", "message", "more"} & set(names):
                yield f"daemon/{path}:{number}: a name stands there twice, or is one of the line's own: {form}"
    if seen < 50:
        yield f"only {seen} log lines were found"


LONG = "/* Why. */\nint f(void)\n{\n" + "    g();\n" * 70 + "}\n"
CHECKS = [
    ("layers point down", layers, {"path": "daemon/base/bad.c", "text": '#include "seam/json.h"\n'}),
    ("includes do not go round", cycles, {"path": "daemon/base/bytes.h", "text": '#include "base/arena.h"\n'}),
    ("rules are pure", rules_are_pure, {"path": "daemon/rules/bad.c", "text": "#include <time.h>\n"}),
    ("each library is known in its place", libraries, {"path": "daemon/turn/bad.h", "text": "#include <hiredis/hiredis.h>\n"}),
    ("functions are short", long_functions, {"path": "daemon/turn/bad.c", "text": LONG}),
    ("the median function is short", median_function, {"path": "daemon/turn/bad.c", "text": LONG * 2000}),
    ("files are short", long_files, {"path": "daemon/turn/bad.c", "text": "\n" * 501}),
    ("banned calls are not made", banned_calls, {"path": "daemon/turn/bad.c", "text": "int i = atoi(text);\n"}),
    ("no variable is global", mutable_globals, {"symbol": ("turn/bad.c", ".bss", "count")}),
    ("every source is built", in_cmake, {"path": "daemon/turn/forgotten.c", "text": ""}),
    ("headers open with a comment", headers_open_with_a_comment, {"path": "daemon/turn/bad.h", "text": "#ifndef X\n"}),
    ("prototypes have a comment", prototypes_have_a_comment,
     {"path": "daemon/turn/bad.h", "text": "/* Opens. */\n\nint one(void);\n\nint two(int a,\n        int b) MUST_CHECK;\n"}),
    ("lines end where they end", trailing_space, {"path": "daemon/turn/bad.c", "text": "int i; \n"}),
    ("nothing is left unfinished", unfinished, {"path": "daemon/turn/bad.c", "text": "/* TO" "DO */\n"}),
    ("a log line is a sentence and pairs", log_lines_are_a_sentence_and_pairs,
     {"path": "daemon/turn/bad.c", "text": 'log_error(p->log, "what topic=%s "\n    "is this", topic);\n'}),
    ("no path of a machine", machine_paths, {"path": "tests/bad.sh", "text": "cd /ho" "me/me\n"}),
    ("the top level is fixed", top_level, {"name": "src"}),
    ("settings and conf/orderd.conf agree", settings_are_documented, {"path": "conf/orderd.conf", "text": "turn: { evnts = 1; };\n"}),
]


def main():
    tree = read_tree(os.path.join(ROOT, sys.argv[1] if len(sys.argv) > 1 else "build"))
    passed = failed = 0
    for name, check, plant in CHECKS:
        found = list(check(tree))
        planted = set(check(tree.planted(**plant))) - set(found)
        for violation in found:
            print(f"{name}: {violation}")
        if not planted:
            print(f"{name}: a planted violation is not found")
        passed += (not found) + bool(planted)
        failed += bool(found) + (not planted)
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
