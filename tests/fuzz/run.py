#!/usr/bin/env python3
"""Builds the fuzzers and runs them: first each over its committed corpus, then for a few seconds over what libFuzzer makes of it.

    tests/fuzz/run.py                        all targets, two at a time, within a minute
    tests/fuzz/run.py --minutes 10           each target so long; --hours too
    tests/fuzz/run.py --target event         this one alone (may be given again)
    tests/fuzz/run.py --merge                no run: what long runs found and the corpus does not reach joins tests/fuzz/corpus, which is then
                                             made as small as it can be; those with a name of words stay: fixed-… failed once, edge-… are
                                             just at or beyond a border
    tests/fuzz/run.py --coverage             no run: which lines of the daemon each corpus reaches (needs the package llvm)

Findings stay in build-fuzz/found/TARGET and build-fuzz/crash/TARGET. Closes with "N passed, N failed", one for each target and one for
a target with a planted fault, which must be found: a harness that cannot fail proves nothing.
"""
import argparse
import concurrent.futures
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
BUILD = os.path.join(ROOT, "build-fuzz")
CORPUS = os.path.join(HERE, "corpus")
SECONDS, WORKERS = 4, 2
FILES_MAX, FILE_BYTES_MAX = 22, 8192      # of one target's corpus
SHOWN = 512                               # bytes of a crashing input


def build(folder, *options, target="fuzzers"):
    """ninja's own words only when something is wrong."""
    environment = {**os.environ, "CC": "clang"}
    steps = [["cmake", "-S", ROOT, "-B", folder, "-G", "Ninja", *options], ["ninja", "-C", folder, target]]
    for step in steps:
        done = subprocess.run(step, env=environment, capture_output=True, text=True, check=False)
        if done.returncode:
            print(done.stdout[-4000:] + done.stderr[-4000:])
            print("the build failed\n0 passed, 1 failed")
            sys.exit(1)


def targets():
    """Those that have a corpus."""
    return sorted(name for name in os.listdir(CORPUS) if os.listdir(os.path.join(CORPUS, name)))


def binary(name, folder=BUILD):
    return os.path.join(folder, "tests", "fuzz", "fuzz_" + name)


def files(folder):
    return sorted(os.path.join(folder, name) for name in os.listdir(folder)) if os.path.isdir(folder) else []


def folder_of(kind, name):
    path = os.path.join(BUILD, kind, name)
    os.makedirs(path, exist_ok=True)
    return path


def fuzz(name, *arguments):
    """Runs libFuzzer; its exit status and what it printed. Sockets and the like of a target go to a folder that is removed."""
    with tempfile.TemporaryDirectory(prefix="orderd-fuzz-") as temporary:
        command = [binary(name), "-timeout=20", "-rss_limit_mb=3000", "-artifact_prefix=" + folder_of("crash", name) + "/",
                   "-max_len=%d" % FILE_BYTES_MAX, *arguments]
        dictionary = os.path.join(HERE, "dict", name + ".dict")
        if os.path.exists(dictionary):
            command.insert(1, "-dict=" + dictionary)
        done = subprocess.run(command, env={**os.environ, "TMPDIR": temporary}, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
        return done.returncode, done.stdout.decode(errors="replace")


def hexdump(data):
    for at in range(0, len(data), 16):
        piece = data[at:at + 16]
        text = "".join(chr(byte) if 32 <= byte < 127 else "." for byte in piece)
        yield f"    {at:06x}  {' '.join(f'{byte:02x}' for byte in piece):<47}  {text}"


def explain(name, output, crashed):
    """What went wrong, the input that did it, and how to see it again."""
    lines = [line for line in output.split("\n") if not re.match(r"^#\d+\s+(NEW|REDUCE|RELOAD|pulse|INITED|READ)|^INFO:|^0x[0-9a-f,]+$", line)]
    text = [f"{name}: FAILED", *("    " + line for line in lines[-60:])]
    for path in crashed:
        with open(path, "rb") as file:
            data = file.read()
        text += [f"    input: {path} ({len(data)} bytes)", *hexdump(data[:SHOWN])]
        text += ["    ..."] if len(data) > SHOWN else []
        text += [f"    again: {os.path.relpath(binary(name), ROOT)} {os.path.relpath(path, ROOT)}"]
    return "\n".join(text)


def inputs_of(output):
    return [path for path in re.findall(r"Test unit written to (\S+)", output) if os.path.exists(path)]


def over_corpus(name):
    """Each file by itself, so that the one that fails has a name."""
    code, output = fuzz(name, "-runs=0", os.path.join(CORPUS, name))
    if not code:
        return ""
    for path in files(os.path.join(CORPUS, name)):
        code, output = fuzz(name, path)
        if code:
            return explain(name, output, [path])
    return explain(name, output, inputs_of(output))


def run(name, seconds):
    """"" when nothing was found, and the line that says how much was tried."""
    wrong = over_corpus(name)
    if wrong:
        return wrong, ""
    code, output = fuzz(name, f"-max_total_time={seconds}", "-print_final_stats=1", folder_of("found", name), os.path.join(CORPUS, name))
    if code:
        return explain(name, output, inputs_of(output)), ""
    executed = int(re.search(r"number_of_executed_units:\s*(\d+)", output).group(1))
    if executed < len(files(os.path.join(CORPUS, name))):
        return f"{name}: FAILED\n    only {executed} inputs were tried", ""
    covered = re.findall(r"cov: (\d+)", output)[-1]
    return "", f"{name}: {executed} inputs, {executed // max(seconds, 1)} a second, {covered} edges"


def planted_is_found(folder):
    """The self test: the fault is found, its input is kept, and it fails again."""
    bug = os.path.join(folder, "seed")
    os.makedirs(bug)
    with open(os.path.join(bug, "near"), "wb") as file:
        file.write(b"bu")
    code, output = fuzz("planted", "-max_total_time=30", "-seed=1", bug)
    kept = inputs_of(output)
    again = fuzz("planted", kept[0])[0] if kept else 0
    said = explain("planted", output, kept) if kept else ""
    for path in kept:
        os.remove(path)
    return code != 0 and again != 0 and "heap-buffer-overflow" in said and "62 75 67" in said


def run_all(names, seconds):
    passed = failed = 0
    began = time.monotonic()
    with concurrent.futures.ThreadPoolExecutor(WORKERS) as pool:
        for wrong, said in pool.map(lambda name: run(name, seconds), names):
            passed += not wrong
            failed += bool(wrong)
            print(wrong or said, flush=True)
    with tempfile.TemporaryDirectory(prefix="orderd-fuzz-") as folder:
        found = planted_is_found(folder)
    passed += found
    failed += not found
    print("planted: found" if found else "planted: FAILED\n    the fault that is there was not found")
    print(f"{time.monotonic() - began:.0f} s")
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


def merged(name, *folders):
    """What libFuzzer's merge noted: each file that reaches something the smaller ones before it do not, with that."""
    with tempfile.TemporaryDirectory(prefix="orderd-fuzz-") as temporary:
        control, into = os.path.join(temporary, "control"), os.path.join(temporary, "into")
        os.makedirs(into)
        code, output = fuzz(name, "-merge=1", "-use_counters=0", "-merge_control_file=" + control, into, *folders)
        if code:
            sys.exit(output[-2000:])
        if not os.path.exists(control):     # libFuzzer passes over empty files
            return {}
        with open(control, encoding="utf-8") as file:
            lines = file.read().split("\n")
    count = int(lines[0])
    features = (line.split()[1:] for line in lines[2 + count:] if line.startswith("FT "))
    return {lines[2 + int(found[0])]: set(found[1:]) for found in features if found[1:]}


def edges_of(name, path):
    """All that one file reaches, alone."""
    with tempfile.TemporaryDirectory(prefix="orderd-fuzz-") as temporary:
        shutil.copy(path, temporary)
        return set().union(*merged(name, temporary).values())


def reached(name, *folders):
    candidates = sorted(set(merged(name, *folders)) | set(files(folders[0])))
    with concurrent.futures.ThreadPoolExecutor(WORKERS) as pool:
        return dict(zip(candidates, pool.map(lambda path: edges_of(name, path), candidates)))


def is_named(path):
    return "-" in os.path.basename(path)


def worth(path, gain):
    """A file that can be read is worth two that cannot; of equal ones the smaller."""
    with open(path, "rb") as file:
        data = file.read()
    readable = all(32 <= byte < 127 or byte in b"\n\r\t" for byte in data)
    return (gain if readable else gain / 2), -len(data)


def merge(name):
    """A small set of small files that reaches all that can be reached, the most rewarding first; those with names besides."""
    corpus = os.path.join(CORPUS, name)
    edges = reached(name, corpus, folder_of("found", name))
    named = [path for path in edges if is_named(path)]
    have = set().union(*(edges[path] for path in named)) if named else set()
    kept = []
    while len(kept) + len(named) < FILES_MAX:
        best = max(edges, key=lambda path: worth(path, len(edges[path] - have)), default=None)
        if best is None or not edges[best] - have:
            break
        have |= edges.pop(best)
        kept.append(best)
    contents = []
    for path in kept:
        with open(path, "rb") as file:
            contents.append(file.read())
    for path in files(corpus):
        if path not in named:
            os.remove(path)
    for data in contents:
        with open(os.path.join(corpus, hashlib.sha1(data).hexdigest()[:10]), "wb") as file:
            file.write(data)
    missed = set().union(*edges.values()) - have if edges else set()
    print(f"{name}: {len(contents)} files and {len(named)} named, {sum(map(len, contents))} bytes, {len(have)} edges, {len(missed)} left out")


def coverage(names):
    """Line by line of the daemon, by the corpora of these targets together."""
    folder = os.path.join(ROOT, "build-coverage")
    build(folder, "-DCMAKE_C_FLAGS=-fprofile-instr-generate -fcoverage-mapping", "-DCMAKE_BUILD_TYPE=Debug", target="replays")
    replays = [os.path.join(folder, "tests", "fuzz", "replay_" + name) for name in names]
    for name, replay in zip(names, replays):
        subprocess.run([replay, os.path.join(CORPUS, name)], env={**os.environ, "LLVM_PROFILE_FILE": replay + ".raw"}, check=True, capture_output=True)
    data = os.path.join(folder, "corpora.data")
    subprocess.run(["llvm-profdata", "merge", "-o", data, *(replay + ".raw" for replay in replays)], check=True)
    objects = [replays[0], *(word for replay in replays[1:] for word in ("-object", replay))]
    report = subprocess.run(["llvm-cov", "export", "-summary-only", "-instr-profile=" + data, *objects], check=True, capture_output=True, text=True).stdout
    for file in json.loads(report)["data"][0]["files"]:
        lines, path = file["summary"]["lines"], os.path.relpath(file["filename"], os.path.join(ROOT, "daemon"))
        if lines["covered"] and path.endswith(".c") and not path.startswith(".."):
            print(f"{path:<24} {lines['percent']:6.1f} % of {lines['count']} lines")
    return 0


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--target", action="append")
    parser.add_argument("--minutes", type=float, default=0)
    parser.add_argument("--hours", type=float, default=0)
    parser.add_argument("--merge", action="store_true")
    parser.add_argument("--coverage", action="store_true")
    chosen = parser.parse_args()
    names = chosen.target or targets()
    if chosen.coverage:
        return coverage(names)
    build(BUILD, "-DORDERD_FUZZ=ON")
    if chosen.merge:
        for name in names:
            merge(name)
        return 0
    return run_all(names, int(chosen.minutes * 60 + chosen.hours * 3600) or SECONDS)


if __name__ == "__main__":
    sys.exit(main())
