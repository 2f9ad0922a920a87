#!/bin/sh
# Makes .venv and installs requirements/lock.txt into it; does nothing when that is already so.
# Asks for Python 3.11 to 3.13 and a way to reach a Python package index, nothing else.
set -eu
cd "$(dirname "$0")/.."

LOCK=requirements/lock.txt
STAMP=.venv/installed-lock
LOG=var/log/install.log

say() { printf 'vigie: %s\n' "$*"; }
stop() { printf 'vigie: %s\n' "$*" >&2; exit 1; }

supported() {
    "$1" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' >/dev/null 2>&1
}

find_python() {
    if [ -n "${PYTHON:-}" ]; then
        supported "$PYTHON" || stop "PYTHON=$PYTHON is not a Python 3.11, 3.12 or 3.13."
        printf '%s' "$PYTHON"
        return
    fi
    for candidate in python3 python3.13 python3.12 python3.11 python; do
        if supported "$candidate"; then
            printf '%s' "$candidate"
            return
        fi
    done
    found=$(python3 --version 2>/dev/null || printf 'none')
    stop "Python 3.11, 3.12 or 3.13 is needed; found here: $found. Install one (on Debian or Ubuntu:" \
        "apt install python3 python3-venv), or name one: make run PYTHON=/path/to/python3.12"
}

make_environment() {
    say "making .venv with $("$1" --version)"
    rm -rf .venv
    "$1" -m venv .venv >>"$LOG" 2>&1 && [ -x .venv/bin/pip ] && return
    rm -rf .venv
    stop "$1 cannot make a virtual environment (on Debian or Ubuntu: apt install python3-venv). Details: $LOG"
}

# Says every ten seconds how far a silent installation is; the installer's own words go to the log.
watching() {
    "$@" >>"$LOG" 2>&1 &
    installer=$!
    trap 'kill $installer 2>/dev/null; exit 130' INT TERM
    waited=0
    before=0
    while kill -0 $installer 2>/dev/null; do
        sleep 1
        waited=$((waited + 1))
        if [ $((waited % 10)) -eq 0 ]; then
            there=$(find .venv/lib/python3*/site-packages -maxdepth 1 -name '*.dist-info' | wc -l)
            # All there: what is left is compiling them, which makes every later start fast.
            if [ "$there" = "$before" ]; then say "$waited s, compiling"; else say "$waited s, $there packages"; fi
            before=$there
        fi
    done
    trap - INT TERM
    wait $installer
}

# uv installs in one or two minutes what takes pip ten; where it cannot be had, pip does the same work.
install_lock() {
    say "installing about $(grep -c '^[a-z0-9.-]*==' "$LOCK" || true) packages, 3.5 GB on disk, once. Details: $LOG"
    pin=$(sed -n 's/^\(uv==[^ ]*\).*/\1/p' "$LOCK")
    if .venv/bin/python -m pip install --quiet --disable-pip-version-check "$pin" >>"$LOG" 2>&1; then
        # Without compiled bytecode TensorFlow takes a minute to import.
        watching .venv/bin/python -m uv pip install --python .venv/bin/python --compile-bytecode -r "$LOCK" && return
        say "uv could not finish; trying again with pip"
    else
        say "uv is not to be had here; installing with pip, which takes longer"
    fi
    watching .venv/bin/python -m pip install --disable-pip-version-check --progress-bar off --compile -r "$LOCK" && return
    tail -n 5 "$LOG" >&2
    return 1
}

wanted() { printf '%s %s' "$(.venv/bin/python -V 2>/dev/null)" "$(cksum <"$LOCK")"; }

unset PYTHONDONTWRITEBYTECODE
[ "$(uname -s)/$(uname -m)" = Linux/x86_64 ] || say "warning: Vigie is tested on Linux x86-64 only, this is $(uname -s) $(uname -m)"
if [ -f "$STAMP" ] && [ "$(cat "$STAMP")" = "$(wanted)" ]; then exit 0; fi

python=$(find_python) || exit 1
mkdir -p var/log
: >"$LOG"
supported .venv/bin/python && [ -x .venv/bin/pip ] || make_environment "$python"
rm -f "$STAMP"
install_lock || stop "the packages could not be installed. Is the package index reachable from here (proxy," \
    "mirror: see 'pip config')? Are there 4 GB of free disk space? The reason stands above and in $LOG."
wanted >"$STAMP"
say "environment ready"
