# shellcheck shell=sh
# Sourced by scripts/edgebench and scripts/test, which set `root`: makes the environment they run in, and repairs it.
#
# The environment's folder holds one file of this script's own, `.edgebench`: a stamp of all that decides what is installed, or the
# word "installing" while that goes on. So the second start costs one comparison, and an install that was cut short is seen and
# begun anew. A folder without that file is somebody else's and is never touched.

venv=${EDGEBENCH_VENV:-$root/.venv}
venv=${venv%/}
case $venv in
    /*) ;;
    *) venv=$PWD/$venv ;;
esac

say() { printf 'edgebench: %s\n' "$*" >&2; }
die() { say "$*"; exit 2; }

# ensure EXTRAS...: leave an environment in which one of the EXTRAS, such as "all" or "all,test", is installed; make the first.
ensure() {
    if fresh "$@"; then return; fi
    parent=$(dirname "$venv")
    mkdir -p "$parent" && [ -w "$parent" ] || die "cannot write to $parent: set EDGEBENCH_VENV to a folder that can be made."
    (
        # Two starts at once: the second waits, and then finds the work done.
        if command -v flock >/dev/null && ! flock --nonblock 9; then
            say "waiting for another start to finish its install"
            flock 9
        fi
        if ! fresh "$@"; then set_up "$1"; fi
    ) 9>"$venv.lock" || exit 2
}

# Where it stands and which Python it is made from: bin/ names its interpreter by full path, and lib/ is of one minor version.
place() { printf '%s %s %s' "$root" "$venv" "$(readlink -f "$venv/bin/python")"; }

stamp() { printf '%s %s [%s]' "$(cat "$root/pyproject.toml" "$root/constraints.txt" | cksum)" "$(place)" "$1"; }

fresh() {
    [ -f "$venv/.edgebench" ] && [ -x "$venv/bin/python" ] && [ -x "$venv/bin/edgebench" ] || return 1
    IFS= read -r found <"$venv/.edgebench" || return 1
    for extras; do
        if [ "$found" = "$(stamp "$extras")" ]; then return 0; fi
    done
    return 1
}

set_up() {
    if ! usable; then make_venv; fi
    printf 'installing\n' >"$venv/.edgebench" || die "cannot write to $venv."
    say "installing edgebench [$1] into $venv: once, a minute or more"
    advise_cpu_torch
    "$venv/bin/python" -m pip install --disable-pip-version-check -c "$root/constraints.txt" -e "$root[$1]" >&2 ||
        die "the install failed, pip says why above; start again to repeat it."
    { stamp "$1" && echo; } >"$venv/.edgebench.new" && mv "$venv/.edgebench.new" "$venv/.edgebench" || die "cannot write to $venv."
    say "installed"
}

# A whole install of an earlier state, still where it was made.
usable() {
    [ -f "$venv/.edgebench" ] && "$venv/bin/python" -c '' 2>/dev/null || return 1
    IFS= read -r found <"$venv/.edgebench" || return 1
    case $found in
        *" $(place) ["*) return 0 ;;
        *) return 1 ;;
    esac
}

make_venv() {
    find_python
    if [ -f "$venv/.edgebench" ]; then
        say "$venv is incomplete, or was moved: making it again"
        rm -rf "$venv"
    elif [ -d "$venv" ] && [ -n "$(ls -A "$venv")" ]; then
        die "$venv exists and was not made by this script: remove it, or set EDGEBENCH_VENV to another folder."
    fi
    say "making $venv with $python"
    mkdir -p "$venv" && printf 'installing\n' >"$venv/.edgebench" || die "cannot write to $venv."
    "$python" -m venv "$venv" >&2 || die "$python could not make an environment in $venv, see above."
}

# Names are tried by running them: a name on PATH may be a shim with nothing behind it.
find_python() {
    if [ -n "${EDGEBENCH_PYTHON:-}" ]; then
        set -- "$EDGEBENCH_PYTHON"
    else
        set -- python3.13 python3.12 python3.11 python3
    fi
    bare=
    for python; do
        "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || continue
        if "$python" -c 'import venv, ensurepip' 2>/dev/null; then return; fi
        bare=${bare:-$("$python" -c 'import sys; print("python%d.%d" % sys.version_info[:2])')}
    done
    [ -z "$bare" ] || die "$bare is here, but its venv or ensurepip is not: on Debian or Ubuntu run 'sudo apt install $bare-venv'."
    die "found no Python 3.11 or newer (tried: $*): install one, or name it in EDGEBENCH_PYTHON."
}

advise_cpu_torch() {
    [ "$(uname -sm)" = "Linux x86_64" ] || return 0
    [ -z "${PIP_EXTRA_INDEX_URL:-}${PIP_INDEX_URL:-}${PIP_FIND_LINKS:-}" ] || return 0
    if "$venv/bin/python" -m pip show --quiet torch 2>/dev/null; then return 0; fi
    say "torch comes as a CUDA build of several GB unless PIP_EXTRA_INDEX_URL=https://download.pytorch.org/whl/cpu is set: Ctrl-C to do so"
}
