#!/bin/sh
# Installs what building and testing need, by package name, on Debian 12 and 13; with arguments, the packages that they name.
# Not root: says the one line and exits 69.
set -eu
packages="build-essential cmake ninja-build pkg-config clang libclang-rt-dev librdkafka-dev libhiredis-dev libconfig-dev libjansson-dev
 libmicrohttpd-dev libsystemd-dev liblmdb-dev libjemalloc-dev redis-server redis-tools kcat jq python3 python3-pytest python3-pytest-xdist python3-redis python3-confluent-kafka maven
 default-jre-headless mandoc bash-completion lintian file debootstrap iptables iproute2 procps
 python3-jsonschema python3-yaml prometheus systemd systemd-container"
[ $# -eq 0 ] || packages=$*
missing=
for package in $packages; do
    dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || missing="$missing $package"
done
[ -z "$missing" ] && exit 0
if [ "$(id -u)" != 0 ]; then
    echo "needed: apt-get install -y --no-install-recommends$missing" >&2
    exit 69
fi

# Debian starts a redis-server and a Prometheus of its own with the packages; the tests have theirs. While packages are set up,
# services are told not to start. A policy that somebody else put there stays as it is.
policy=/usr/sbin/policy-rc.d
ours="# orderd's tests/install.sh: no service starts while packages are installed"
policy_remove() {
    if grep -qsxF "$ours" "$policy"; then rm -f "$policy"; fi
}
trap policy_remove EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP
if [ ! -e "$policy" ]; then
    printf '#!/bin/sh\n%s\nexit 101\n' "$ours" >"$policy"
    chmod 755 "$policy"
fi

export DEBIAN_FRONTEND=noninteractive
log=$(mktemp)
echo "installing:$missing"
if ! { apt-get update -qq && apt-get install -y -qq --no-install-recommends -o DPkg::Lock::Timeout=600 $missing; } >"$log" 2>&1; then
    tail -n 40 "$log" >&2
    rm -f "$log"
    echo "apt-get failed; needed: apt-get install -y --no-install-recommends$missing" >&2
    exit 69
fi
rm -f "$log"
for service in redis-server prometheus; do     # nor at the next boot
    case $missing in
    *" $service"*) systemctl disable "$service" >/dev/null 2>&1 || true ;;
    esac
done
