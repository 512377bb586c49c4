#!/bin/sh
# Installs what building and testing need, by package name, on Debian 12 and 13. Not root: says the one line and exits 69.
set -eu
packages="build-essential cmake ninja-build pkg-config clang libclang-rt-dev librdkafka-dev libhiredis-dev libconfig-dev
 libjansson-dev redis-server redis-tools kcat jq python3 python3-pytest python3-redis python3-confluent-kafka maven
 default-jre-headless iptables procps"
. /etc/os-release
[ "${VERSION_ID:-}" = 12 ] && packages=$(echo "$packages" | sed 's/libclang-rt-dev/libclang-rt-14-dev/')
missing=
for package in $packages; do
    dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || missing="$missing $package"
done
[ -z "$missing" ] && exit 0
if [ "$(id -u)" != 0 ]; then
    echo "needed: apt-get install -y --no-install-recommends$missing" >&2
    exit 69
fi
export DEBIAN_FRONTEND=noninteractive
apt-get update -qq
# Debian starts a redis-server of its own with the package; the tests have theirs.
mkdir -p /usr/sbin
apt-get install -y -qq --no-install-recommends $missing >/dev/null
