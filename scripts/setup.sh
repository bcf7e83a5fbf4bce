# Sourced by ./tawny and ./test: makes .venv, and makes it again when what it was made from has changed.

say() { printf '%s\n' "$*" >&2; }

# apt NAME...: install Debian packages, as root or through sudo
apt() {
    command -v apt-get >/dev/null || { say "Please install: $*"; return 1; }
    as_root=""
    if [ "$(id -u)" != 0 ]; then
        command -v sudo >/dev/null || { say "Please install, as root: apt-get install $*"; return 1; }
        as_root=sudo
    fi
    say "Installing $* ..."
    $as_root env DEBIAN_FRONTEND=noninteractive apt-get update -qq >/dev/null &&
        $as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@" >/dev/null
}

newest_python() {
    for name in python3 python3.14 python3.13 python3.12 python3.11; do
        if "$name" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
            printf '%s' "$name"
            return
        fi
    done
    say "tawny needs Python 3.11 or newer; this machine has $(python3 --version 2>/dev/null || echo none)."
    say "Debian 12, Ubuntu 24.04 and Raspberry Pi OS of 2023 and later have it: apt-get install python3 python3-venv"
    return 1
}

# what .venv was made from: its folder, whose path is in it, Python, the package's description, the lock, and the
# interface's sources
made_from() {
    (cd "$1" && { pwd; readlink -f .venv/bin/python || true; } &&
        find pyproject.toml requirements.lock scripts/hatch_build.py ui -name node_modules -prune -o -type f -print |
        LC_ALL=C sort | xargs cksum) | cksum
}

# is_made FOLDER EXTRA: is asked at each start, so without starting Python
is_made() {
    now=$(made_from "$1") was=""
    { read -r was <"$1/.venv/made-from"; } 2>/dev/null || true
    [ -x "$1/.venv/bin/python" ] && { [ "$was" = "$now $2" ] || [ "$was" = "$now dev" ]; }
}

# whether .venv was finished, in this folder, and for the Python that is there now
fits() {
    "$venv/bin/python" -m pip --version >/dev/null 2>&1 || return
    # pip's own script names the folder, in one of these ways, perhaps by a link
    named=$(sed -nE -e "s|^#!(/.*)/bin/python[^/]*\$|\1|p" -e "s|.*'exec' \"?(/.*)/bin/python.*|\1|p" "$venv/bin/pip")
    # shellcheck disable=SC3013 # each sh that systems come with has -ef
    [ "$named" -ef "$venv" ]
}

# locked FOLDER PART...: these parts of the lock, in which each package stands with the hashes of its files
locked() {
    lock=$1/requirements.lock
    shift
    awk -v parts=" $* " '/^# part: / { wanted = index(parts, " " $3 " ") } wanted' "$lock"
}

# installed FOLDER PART...: installs these parts of the lock
installed() {
    locked "$@" >"$venv/lock"
    # shellcheck disable=SC2086 # no word, or one
    "$venv/bin/python" -m pip install -q $compile --require-hashes --no-deps -r "$venv/lock"
}

# as_owner FOLDER EXTRA: sets up as the owner of the folder, who couldn't change later what root made; fails if not root
as_owner() {
    [ "$(id -u)" = 0 ] && command -v runuser >/dev/null || return 1
    owner=$(stat -c %U "$1")
    [ "$owner" != root ] && id "$owner" >/dev/null 2>&1 || return 1 # or no account has that number
    home=$(getent passwd "$owner" | cut -d: -f6) && runuser -u "$owner" -- test -w "$1" || return 1
    for made in "$1/.venv" "$1/ui/node_modules" "$1/src/tawny/api/static"; do # by root, in an earlier version
        if [ "$(stat -c %U "$made" 2>/dev/null)" = root ]; then chown -Rh "$owner:" "$made"; fi
    done
    # shellcheck disable=SC2016 # for the other shell
    runuser -u "$owner" -- env HOME="$home" sh -euc 'cd "$1"; . ./scripts/setup.sh; make_venv "$@"' sh "$1" "$2" || exit
}

# why_not FOLDER TEXT: says why setting up failed, where this text shows that
why_not() {
    no_network='resolution|resolve|unreachable|connection|timed? ?out|EAI_AGAIN|ENOTFOUND|ECONN|ENETUNREACH'
    case $2 in
    *EACCES* | *"Permission denied"*)
        say "Files in this folder belong to another user. That user can run this, or: sudo chown -R $(id -un) '$1'" ;;
    *) if printf '%s' "$2" | grep -qiE "$no_network"; then say "Is there a connection to the internet?"; fi ;;
    esac
}

# setup FOLDER EXTRA: EXTRA is "all" for users and "dev" for tests; a .venv with "dev" serves users as well
setup() {
    if is_made "$@"; then return; fi
    setup_alone "$@" 9<"$1"
}

# setup_alone FOLDER EXTRA: one at a time; the lock is on the folder, open as 9, since .venv may be deleted
setup_alone() {
    # another status than 1: there is no flock, or no lock on such a disk
    flock -n 9 2>/dev/null || [ $? != 1 ] || { say "Waiting until another ./tawny has set up .venv."; flock 9; }
    if is_made "$@"; then return; fi
    python=$(newest_python)
    "$python" -c 'import ensurepip, venv' 2>/dev/null || apt python3-venv
    as_owner "$@" || make_venv "$@"
}

# deletes what is in .venv, but for the log that is being written
cleared() { (cd "$venv" && LANGUAGE=en find . -mindepth 1 ! -path ./setup.log -delete); }

# ends the build with all that it started, which Ctrl-C doesn't reach: it runs in the background
end_build() { kill -- "-$built" 2>/dev/null || kill "$built" 2>/dev/null || true; }

# stopped SIGNAL: ends by this signal
stopped() {
    end_build
    trap - "$1"
    kill -"$1" $$
}

# make_venv FOLDER EXTRA: keeps what fits
make_venv() {
    venv=$1/.venv log=$1/.venv/setup.log
    said=$(LANGUAGE=en mkdir -p "$venv" 2>&1 && LANGUAGE=en touch "$log" 2>&1) || { # why_not knows English
        say "Setting up failed: $said"
        why_not "$1" "$said"
        return 3
    }
    python=$(newest_python)
    say "Setting tawny up in .venv; this takes about a minute, once."
    parts=users compile=""
    [ "$2" != dev ] || { parts="users tests" compile=--no-compile; } # tests use a part of what they install
    # the interface is built while the other packages are installed, in a process group of its own
    own_group="import os, sys; os.setpgrp(); os.execv(sys.executable, [sys.executable, *sys.argv[1:]])" built=""
    for signal in HUP INT TERM; do
        # shellcheck disable=SC2064 # now
        trap "stopped $signal" "$signal"
    done
    # shellcheck disable=SC2086 # these are several words
    if ! { { fits || { cleared && "$python" -m venv "$venv"; }; } &&
        installed "$1" build &&
        { "$venv/bin/python" -c "$own_group" "$1/scripts/hatch_build.py" 9<&- & built=$!; } &&
        { installed "$1" $parts || { end_build; false; }; } && wait "$built" &&
        TAWNY_SKIP_UI=1 "$venv/bin/python" -m pip install -q --no-deps --no-build-isolation -e "$1"; } >"$log" 2>&1; then
        tail -n 20 "$log" >&2
        say "Setting up failed; the whole log is in .venv/setup.log."
        why_not "$1" "$(cat "$log")"
        return 3
    fi
    echo "$(made_from "$1") $2" >"$venv/made-from"
    trap - HUP INT TERM
}
