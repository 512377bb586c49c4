#!/bin/bash
# A first try without Kafka or Redis of one's own: tests/quickstart.sh [--keep]. Installs what is missing, builds, plays
# conf/example-orders.ndjson through the real daemon against a private Redis and librdkafka's mock Kafka, shows what came of it.
set -eu

usage="usage: tests/quickstart.sh [--keep]

Builds orderd, starts a private redis-server (a unix socket in a temporary folder) and a small mock of Kafka, runs orderd
against them, plays conf/example-orders.ndjson and shows every outcome and the market at the end. Leaves nothing behind.

  --keep    leave everything running, and say how to talk to it and how to end it
  --help    this text

Needs Debian 12 or 13, and root only when a package is missing. NO_COLOR=1 turns colours off."

keep=''
for argument in "$@"; do
    case $argument in
    --keep) keep=1 ;;
    --help | -h) echo "$usage" && exit 0 ;;
    *) echo "quickstart: $argument is not known; see tests/quickstart.sh --help" >&2 && exit 64 ;;
    esac
done

root=$(cd "$(dirname "$0")/.." && pwd)
packages="gcc libc6-dev cmake ninja-build pkg-config librdkafka-dev libhiredis-dev libconfig-dev libjansson-dev libmicrohttpd-dev libsystemd-dev
 liblmdb-dev libjemalloc-dev redis-server redis-tools kcat python3"
build=$root/build
try='' redis='' kafka='' orderd=''

say() {
    printf '  %s\n' "$*"
}

# The end of a log, and why it is shown.
fail() { # what, log
    printf '\nquickstart: %s\n' "$1" >&2
    [ -z "${2:-}" ] || tail -n 25 "$2" >&2
    exit 1
}

# Waits up to ten seconds for a process to go; then it is made to.
end() { # pid …
    local pid
    for pid in "$@"; do
        kill -TERM "$pid" 2>/dev/null || continue
        for ((i = 0; i < 200; i++)); do
            kill -0 "$pid" 2>/dev/null || break
            sleep 0.05
        done
        kill -KILL "$pid" 2>/dev/null || true
    done
}

clean() {
    trap - EXIT
    trap '' INT TERM HUP
    # shellcheck disable=SC2086
    end $orderd $kafka $redis
    [ -z "$try" ] || rm -rf "$try"
}

wait_for() { # seconds, pid, log, what, command …
    local i turns=$(($1 * 20)) pid=$2 log=$3 what=$4
    shift 4
    for ((i = 0; i < turns; i++)); do
        "$@" >/dev/null 2>&1 && return
        kill -0 "$pid" 2>/dev/null || fail "$what: it ended" "$log"
        sleep 0.05
    done
    fail "$what: it did not come up in time" "$log"
}

build_all() {
    local log=$build/quickstart.log
    mkdir -p "$build"
    [ -e "$build/daemon/orderd" ] || say "building orderd (once, some seconds) …"
    { [ -e "$build/build.ninja" ] || CC=gcc cmake -S "$root" -B "$build" -G Ninja -DCMAKE_BUILD_TYPE=RelWithDebInfo; } >"$log" 2>&1 ||
        fail "cmake failed, all of it stands in $log" "$log"
    flock "$build" ninja -C "$build" orderd mockd >>"$log" 2>&1 || fail "the build failed, all of it stands in $log" "$log"
}

# In sessions of their own, so that Ctrl-C reaches this script alone, and it ends them in order.
start_all() {
    setsid redis-server --port 0 --unixsocket "$try/redis.sock" --save '' --dir "$try" >"$try/redis.log" 2>&1 &
    redis=$!
    setsid "$build/tests/mockd" 1 orders orders.outcomes orders.dead-letters >"$try/brokers" 2>"$try/kafka.log" &
    kafka=$!
    wait_for 10 $redis "$try/redis.log" redis-server redis-cli -s "$try/redis.sock" ping
    wait_for 10 $kafka "$try/kafka.log" "the mock Kafka" test -s "$try/brokers"
    brokers=$(cat "$try/brokers")
    say "redis-server $(redis-server --version | sed 's/.* v=\([^ ]*\) .*/\1/') at $try/redis.sock, a mock Kafka at $brokers"

    cat >"$try/orderd.conf" <<END
kafka:
{
    brokers      = "$brokers";
    group        = "quickstart";
    topics       = [ "orders" ];
    outcomes     = "orders.outcomes";
    dead_letters = "orders.dead-letters";
    consumer     = [ "session.timeout.ms=6000", "fetch.wait.max.ms=10" ];
};
redis: { address = "$try/redis.sock"; };
drain: { revoke_ms = 3000; };
END
    setsid "$build/daemon/orderd" -c "$try/orderd.conf" >"$try/orderd.log" 2>&1 &
    orderd=$!
    say "orderd joins its consumer group, which takes some seconds with a mock …"
    wait_for 40 $orderd "$try/orderd.log" orderd grep -q 'took over topic=orders' "$try/orderd.log"
}

# What --keep prints, and the script that ends it.
leave_running() {
    cat >"$try/end" <<END
#!/bin/sh
# Ends the try: orderd first, which drains and leaves its group.
for pid in $orderd $kafka $redis; do
    kill \$pid
    while grep -qs '^State:[[:space:]][^Z]' /proc/\$pid/status; do sleep 0.05; done
done
rm -rf '$try'
END
    trap - EXIT
    cat <<END

Everything goes on running. Let joris have the boot, see what comes of it, look
into the market:

  echo '{"id":"mine-1","type":"purchase","buyer":"joris","seller":"otto","item":"left-boot","price":5}' |
    kcat -P -b $brokers -t orders -p 0
  kcat -C -b $brokers -t orders.outcomes -o -1 -e -q
  kcat -C -b $brokers -t orders.dead-letters -o beginning -e -q -f '%h\n%s\n'
  redis-cli -s $try/redis.sock zrange market: 0 -1 withscores
  redis-cli -s $try/redis.sock hgetall orderd:mark:orders:0

What orderd says, and what it runs with:

  cat $try/orderd.log
  $build/daemon/orderd --print-config -c $try/orderd.conf

End it:

  sh $try/end
END
}

# shellcheck disable=SC2086
sh "$root/tests/install.sh" $packages || exit $?
trap clean EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP
build_all
try=$(mktemp -d "${TMPDIR:-/tmp}/orderd-try.XXXXXX")
start_all
python3 "$root/tests/quick/show.py" "$brokers" "$try/redis.sock" quickstart "$root/conf/example-orders.ndjson"
if [ -n "$keep" ]; then
    leave_running
else
    clean
fi
