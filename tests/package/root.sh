#!/bin/sh
# Makes roots of a Debian release: root.sh RELEASE FOLDER clean|builder. FOLDER/clean is what a new machine has, FOLDER/builder has what
# building needs on top. From the mirror that this machine's own apt uses. Root and network are needed; what is there already stays.
set -eu
release=$1 folder=$2 wanted=$3
here=$(dirname "$0")
. /etc/os-release
mirror=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' "Codename: $VERSION_CODENAME" 'Component: main' | head -n 1)
[ -n "$mirror" ] || { echo "apt knows no mirror of $VERSION_CODENAME: apt-get update first" >&2 && exit 69; }
proxy=
eval "$(apt-config shell proxy Acquire::http::Proxy)"
[ -z "$proxy" ] || export http_proxy="$proxy"

# Built beside, and named when it is whole.
make() { # name, maker …
    [ -e "$folder/$1" ] && return
    rm -rf "$folder/$1.new"
    "make_$1" "$folder/$1.new" >"$folder/$1.log" 2>&1 || { tail -n 20 "$folder/$1.log" >&2 && exit 69; }
    mv "$folder/$1.new" "$folder/$1"
}

make_clean() { # root
    debootstrap --variant=minbase --include=systemd,systemd-sysv "$release" "$1" "$mirror"
}

make_builder() { # root
    cp -a "$folder/clean" "$1"
    cp "$here/../install.sh" "$1/tmp/install.sh"
    cp -L /etc/resolv.conf "$1/etc/resolv.conf"
    chroot "$1" sh /tmp/install.sh build-essential cmake ninja-build pkg-config librdkafka-dev libhiredis-dev libconfig-dev libjansson-dev \
        libmicrohttpd-dev libsystemd-dev liblmdb-dev libjemalloc-dev file lintian
}

mkdir -p "$folder"
make clean
[ "$wanted" = clean ] || make builder
