# Sourced by the scripts in this folder: where things are, and how they speak.
# shellcheck shell=bash
ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
VENV=$ROOT/.venv
STAMPS=$ROOT/build/stamps
export ROOT VENV STAMPS

# A pip that is merely old, or a cache that is not writable, is nobody's concern here.
export PIP_DISABLE_PIP_VERSION_CHECK=1
# The compiler sees paths relative to the repository, so that builds for several Pythons, and
# clones in other folders, share what ccache holds.
export CCACHE_BASEDIR=$ROOT CCACHE_NOHASHDIR=1 CCACHE_SLOPPINESS=pch_defines,time_macros

say() { printf '%s\n' "$*" >&2; }
step() { printf '\033[1m%s\033[0m\n' "$*" >&2; }
[ -t 2 ] || step() { say "$*"; }
fail() {
    say "$0: $*"
    exit 1
}

# One number for the contents of files and folders, independent of times.
fingerprint() {
    find "$@" -type f ! -name '*.pyc' -print0 | LC_ALL=C sort -z | xargs -0 sha256sum | sha256sum |
        cut -d' ' -f1
}

# Runs a command quietly; what it said is shown only if it fails.
quietly() {
    local record=$1 status=0
    shift
    mkdir -p "$(dirname "$record")"
    "$@" >"$record" 2>&1 || status=$?
    if [ "$status" -ne 0 ]; then
        # The first mistake of a build is far above its last line.
        grep -m 5 -nE '(error|Error):|undefined reference' "$record" >&2 || true
        tail -n 30 "$record" >&2
        say "failed with status $status: $*"
        say "(everything it said: $record)"
    fi
    return "$status"
}
