#!/bin/bash
# Builds and runs the tests: tests/run.sh [unit|story|tidy|live …], all without an argument. Installs what is missing.
# Closes with "N passed, N failed, N skipped"; exits 1 when one failed.
set -eu
cd "$(dirname "$0")/.."
sh tests/install.sh
groups=${*:-unit}
passed=0 failed=0 skipped=0

build() { # folder, compiler, options
    local folder=$1 compiler=$2
    shift 2
    CC=$compiler cmake -S . -B "$folder" -G Ninja "$@" >"$folder.log" 2>&1 && ninja -C "$folder" >>"$folder.log" 2>&1 && return
    tail -40 "$folder.log"
    echo "the build in $folder failed"
    echo "0 passed, 1 failed, 0 skipped"
    exit 1
}

count() { # passed failed skipped
    passed=$((passed + $1)) failed=$((failed + $2)) skipped=$((skipped + $3))
}

run_ctest() { # label, folder
    local log=$2/ctest-$1.log totals broken
    ctest --test-dir "$2" -L "^$1\$" --output-on-failure --no-tests=error >"$log" 2>&1 || sed -n '/Test project/,$p' "$log"
    # Every executable says how many of its tests passed; one that ended without saying it counts as one failure.
    totals=$(sed -nE 's/^([0-9]+) passed, ([0-9]+) failed$/\1 \2/p' "$2/Testing/Temporary/LastTest.log" |
        awk '{p += $1; f += $2} END {print p + 0, f + 0}')
    broken=$(grep -cE '[*]{3}(Failed|Timeout|Exception|Not Run)|No tests were found' "$log" || true)
    set -- "$1" $totals
    [ "$broken" -gt 0 ] && [ "$3" -eq 0 ] && set -- "$1" "$2" "$broken"
    echo "$1: $2 passed, $3 failed"
    count "$2" "$3" 0
}

mkdir -p build
build build gcc
build build-asan gcc -DORDERD_SANITIZE=ON
build build-clang clang
for group in $groups; do
    case $group in
    unit | story)
        run_ctest "$group" build-asan
        ;;
    *)
        echo "unknown group $group: unit" >&2
        exit 64
        ;;
    esac
done
echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" -eq 0 ]
