# Sourced by the tools: where things that are fetched lie, and how the tools speak.
# shellcheck shell=bash

assay_root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
assay_cache=${ASSAY_CACHE:-${XDG_CACHE_HOME:-${HOME:-/tmp}/.cache}/assay}
duckdb_version=1.5.5
assay_venv=$assay_cache/venv
assay_standin=$assay_cache/standin
assay_jars=$assay_cache/jars

say() {
    printf '%s: %s\n' "${0##*/}" "$*" >&2
}

die() {
    say "$*"
    exit 1
}

# need_packages LIST: installs the Debian packages of tools/packages/LIST that are missing.
need_packages() {
    local list=$assay_root/tools/packages/$1 missing=() package
    while read -r package; do
        case $package in '' | '#'*) continue ;; esac
        dpkg-query -W -f='${db:Status-Abbrev}' "$package" 2>/dev/null | grep -q '^.i' ||
            missing+=("$package")
    done <"$list"
    [ ${#missing[@]} -eq 0 ] && return 0
    install_packages "${missing[@]}"
}

install_packages() {
    local sudo=()
    command -v apt-get >/dev/null ||
        die "these Debian packages or their like are needed, and there is no apt-get here: $*"
    if [ "$(id -u)" -ne 0 ]; then
        command -v sudo >/dev/null || die "not root and no sudo; please run: apt-get install $*"
        sudo=(sudo)
    fi
    say "installing Debian packages: $*"
    "${sudo[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -q update >&2 ||
        say "apt-get update failed; trying with the package lists of this machine"
    "${sudo[@]}" env DEBIAN_FRONTEND=noninteractive \
        apt-get -q install -y --no-install-recommends "$@" >&2 ||
        die "apt-get could not install: $*"
}

# check_sha256 FILE SUM
check_sha256() {
    printf '%s  %s\n' "$2" "$1" | sha256sum --check --status 2>/dev/null
}

# need_venv FOLDER REQUIREMENTS. The stamp is written last: an environment without it is not whole
# and is made anew.
need_venv() {
    local venv=$1 requirements=$assay_root/$2 stamp
    stamp=$(python3 --version; sha256sum <"$requirements")
    [ -e "$venv/.complete" ] && [ "$(cat "$venv/.complete")" = "$stamp" ] && return 0
    python3 -c 'import sys; sys.exit(sys.version_info < (3, 11))' ||
        die "the tests need Python 3.11 or later, and python3 is $(python3 --version)"
    say "making the Python environment of $2 (some minutes)"
    rm -rf "$venv"
    python3 -m venv "$venv"
    "$venv/bin/pip" install --quiet --disable-pip-version-check --require-hashes \
        --requirement "$requirements" || die "pip could not install $2"
    printf '%s\n' "$stamp" >"$venv/.complete"
}
