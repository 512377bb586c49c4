#!/bin/bash
# Builds and runs the tests: tests/run.sh [unit|story|tidy|systemd|model|differ|sim|fuzz|alerts|chaos|package|live …], all without an argument. Installs what is missing.
# Closes with the names of what failed and "N passed, N failed, N skipped"; exits 1 when one failed.
set -u
cd "$(dirname "$0")/.." || exit 70
all="unit story tidy systemd model differ sim fuzz alerts chaos package live"
groups=${*:-$all}
for group in $groups; do
    case " $all " in
    *" $group "*) ;;
    *) echo "unknown group $group; there are: $all" >&2 && exit 64 ;;
    esac
done
sh tests/install.sh || exit $?
export PYTHONDONTWRITEBYTECODE=1
passed=0 failed=0 skipped=0
mkdir -p build
failures=build/failures
: >$failures

# What failed, one a line: the last lines of a long log are read first, and its middle may be cut.
note() { # group
    sed "/./!d; s/^[[:space:]]*/    $1: /" >>$failures
}

finish() {
    [ -s $failures ] && echo "failed:" && cut -c 1-240 $failures | head -n 200
    [ $((passed + failed + skipped)) -gt 0 ] || failed=1
    echo "$passed passed, $failed failed, $skipped skipped"
    [ "$failed" -eq 0 ]
    exit
}

# A group that counted nothing ran nothing, which is a failure.
count() { # group passed failed skipped
    set -- "$1" "${2:-0}" "${3:-0}" "${4:-0}"
    if [ $(($2 + $3 + $4)) -eq 0 ]; then
        set -- "$1" 0 1 0
        echo "no test ran" | note "$1"
    fi
    echo "$1: $2 passed, $3 failed, $4 skipped"
    passed=$((passed + $2)) failed=$((failed + $3)) skipped=$((skipped + $4))
}

build() { # folder compiler options
    local folder=$1 compiler=$2
    shift 2
    mkdir -p "$folder"
    # A folder that another generator or another place made is configured afresh.
    CC=$compiler cmake -S . -B "$folder" -G Ninja "$@" >"$folder/build.log" 2>&1 ||
        CC=$compiler cmake --fresh -S . -B "$folder" -G Ninja "$@" >"$folder/build.log" 2>&1
    [ $? -eq 0 ] && ninja -C "$folder" >>"$folder/build.log" 2>&1 && return
    grep -E -A5 'error:|FAILED:|CMake Error' "$folder/build.log" || tail -n 40 "$folder/build.log"
    echo "the build in $folder failed"
    failed=1
    finish
}

# Every executable says how many of its tests passed. One that failed without saying that a test did (a crash, a leak, a time
# limit), or that said nothing at all, counts as one failure.
run_ctest() { # group folder
    local log=$2/ctest-$1.log
    rm -f "$2/Testing/Temporary/LastTest.log"
    ctest --test-dir "$2" -L "^$1\$" --output-on-failure --no-tests=error >"$log" 2>&1 || {
        sed -n '/Test project/,$p' "$log"
        grep -E '^FAILED|^[[:space:]]+[0-9]+ - ' "$log" | note "$1"
    }
    count "$1" $(awk '
        / Testing: / { said = 0 }
        /^[0-9]+ passed, [0-9]+ failed$/ { p += $1; f += $3; said = $3 ? 2 : 1 }
        /^Test (Passed|Failed)[.]$/ { f += said == 0 || (said == 1 && !/Passed/) }
        END { print p + 0, f + 0 }' "$2/Testing/Temporary/LastTest.log")
}

# A program that says at its end how many of its tests passed; what it said before is shown when one failed.
run_program() { # group command…
    local group=$1 log code totals
    log=build/$(echo "$group" | tr -cs 'a-z0-9' '-').log
    shift
    "$@" >"$log" 2>&1
    code=$?
    totals=$(sed -nE '$s/^([0-9]+) passed, ([0-9]+) failed$/\1 \2/p' "$log")
    [ $code -le 1 ] && [ -n "$totals" ] || { code=2 totals="0 1"; }
    if [ $code -ne 0 ]; then
        tail -n 200 "$log" | sed '$d'
        { grep FAILED "$log" || tail -n 3 "$log"; } | note "$group"
    fi
    count "$group" $totals
}

# Many histories, some under the sanitizers, and simulators whose daemon lacks a mechanism: these must find something.
run_sim() {
    run_ctest sim build-asan
    run_program "sim (histories)" build/tests/sim/sim --histories "${ORDERD_HISTORIES:-100000}" --jobs "$(nproc)" --report
    run_program "sim (sanitized)" build-asan/tests/sim/sim --histories 2000 --jobs "$(nproc)"
    ninja -C build canaries >build/canaries-build.log 2>&1 || tail -n 40 build/canaries-build.log
    run_program "sim (itself)" /usr/bin/python3 tests/sim/itself.py build
    run_program "sim (canaries)" /usr/bin/python3 tests/sim/canaries.py build --jobs "$(nproc)"
}

# A folder of black-box tests by pytest, with -n several side by side, since they wait more than they work; its report counts, and
# a run that ended badly without a failed test is one. A worker that crashes fails the test that it was at and is not replaced:
# older pytest-xdist would wait for ever.
run_pytest() { # group folder options
    local group=$1 report=build/pytest-${2##*/}.xml code
    shift
    rm -f "$report"
    /usr/bin/python3 -m pytest -q -rs --tb=short -p no:cacheprovider --max-worker-restart=0 --junitxml="$report" "$@" |
        grep --line-buffered -v 'generated xml file'
    code=${PIPESTATUS[0]}
    count "$group" $(/usr/bin/python3 - "$report" "$code" 2>"${report%.xml}.failed" <<'PYTHON'
import sys, xml.etree.ElementTree as tree
total = {"tests": 0, "failures": 0, "errors": 0, "skipped": 0}
try:
    for suite in tree.parse(sys.argv[1]).getroot().iter("testsuite"):
        for name in total:
            total[name] += int(suite.get(name, 0))
        for case in suite.iter("testcase"):
            for wrong in (each for each in case if each.tag in ("failure", "error")):
                print(f"{case.get('classname')}::{case.get('name')}", *wrong.get("message", "").splitlines()[:1], file=sys.stderr)
except (OSError, tree.ParseError) as error:
    print("no report of the tests:", error, file=sys.stderr)
failed = total["failures"] + total["errors"]
if sys.argv[2] != "0" and not failed:
    failed = 1
    print("pytest ended with", sys.argv[2], file=sys.stderr)
print(max(total["tests"] - total["failures"] - total["errors"] - total["skipped"], 0), failed, total["skipped"])
PYTHON
    )
    note "$group" <"${report%.xml}.failed"
}

run_group() { # group
    local begun=$SECONDS
    case $1 in
    unit)
        run_ctest unit build-asan
        ORDERD_BINARY=build-asan/daemon/orderd run_pytest "unit (command line)" tests/cli -n 4 --dist loadgroup
        ;;
    story) run_ctest story build-asan ;;
    tidy) run_program tidy /usr/bin/python3 tests/tidy/tidy.py build ;;
    systemd) run_pytest systemd tests/systemd -n 4 --dist loadfile ;;
    model) run_ctest model build ;;
    differ) run_ctest differ build ;;
    sim) run_sim ;;
    fuzz) run_program fuzz /usr/bin/python3 tests/fuzz/run.py ;;
    alerts) run_pytest alerts tests/alerts -n 2 --dist loadgroup ;;
    chaos) run_pytest chaos tests/live/chaos ;;
    package) run_pytest package tests/package -n 2 --dist loadgroup ;;
    live) run_pytest live tests/live --ignore=tests/live/chaos -n 5 --dist loadgroup ;;
    esac
    echo "$1 took $((SECONDS - begun)) s"
}

# Tests that boot, kill and wait, one group after the other; what only works goes on beside them and gets what they leave of the processors.
run_beside() { # the groups that work, those that wait
    local log=build/beside.log line group
    (
        renice -n 19 "$BASHPID" >/dev/null
        for group in $1; do run_group "$group"; done
    ) >"$log" 2>&1 &
    for group in $2; do run_group "$group"; done
    wait $!
    grep -vE '^[^:]+: [0-9]+ passed, [0-9]+ failed, [0-9]+ skipped$' "$log"
    while read -r line; do
        count "${line%%: *}" $(echo "${line##*: }" | grep -oE '[0-9]+')
    done < <(grep -E '^[^:]+: [0-9]+ passed, [0-9]+ failed, [0-9]+ skipped$' "$log")
    for group in $1; do
        grep -q "^$group took" "$log" || count "$group" 0
    done
}

build build gcc
build build-asan gcc -DORDERD_SANITIZE=ON
build build-clang clang
if [ "$groups" = "$all" ]; then
    # The package of the other release takes minutes: it is made when the group is asked for, or the variable says so.
    ORDERD_RELEASES=${ORDERD_RELEASES:-$(. /etc/os-release && echo "$VERSION_CODENAME")}
    export ORDERD_RELEASES
    for group in unit story tidy; do run_group "$group"; done
    run_beside "sim model differ fuzz package" "systemd alerts chaos live"
else
    for group in $groups; do run_group "$group"; done
fi
finish
