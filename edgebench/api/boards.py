"""Measure what a unit reaches at best, and describe a board of an unknown kind from what it says of itself."""

import re
import subprocess
import sys
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import edgebench
from edgebench import devices
from edgebench.board.peak import LONGEST_S, Peak
from edgebench.errors import LostTrialError, UsageError
from edgebench.store import calibration
from edgebench.store.calibration import Calibration, Probe

_PATIENCE_S = 60.0
_PATIENCE = 4  # times the seconds asked for: a slow board needs longer for the least that can be measured
_LONGEST_LINE = 65536
_LONGEST_TEXT = 200
_MOST_NAMES = 32
_MOST_CORES = 4096
_LARGEST_INT = 2**63 - 1  # TOML 1.0: integers of 64 bit
_KIND_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,40}")


def probe_words(seconds: float) -> list[str]:
    """Return what follows `python` to measure the peaks of the machine it runs on.

    >>> probe_words(10.0)
    ['-m', 'edgebench.board.peak', '--seconds', '10']
    """
    if not 0 < seconds <= LONGEST_S:
        raise UsageError(f"{seconds:g} seconds cannot be measured: expected more than 0, {LONGEST_S:g} at most.")
    return ["-m", "edgebench.board.peak", "--seconds", f"{seconds:g}"]


def probe_limit_s(seconds: float) -> float:
    """Return after how many seconds a probe counts as lost."""
    return _PATIENCE * seconds + _PATIENCE_S


def read_peak(printed: bytes, board: str) -> Peak:
    """Return the peaks in the last line that a probe printed; raise LostTrialError when they are not there.

    A board is not trusted: every field is checked, and a line that is too long is not looked at.
    """
    from pydantic import TypeAdapter, ValidationError

    lines = printed[-_LONGEST_LINE:].strip().splitlines()
    try:
        return TypeAdapter(Peak).validate_json(lines[-1] if lines else b"")
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = "".join(f"{_plain(str(part))[:40]}: " for part in first["loc"])
        raise LostTrialError(
            f"The probe of {board} printed no peaks of this version: {where}{first['msg']}; set the board up again."
        ) from error


def store_probe(results: Path, unit: str, peak: Peak) -> Calibration:
    """Add peaks to the calibration of a unit, with the date of now, and return the whole."""
    at = datetime.now(UTC).isoformat(timespec="seconds")
    return calibration.add(results, unit, Probe(at=at, edgebench_version=edgebench.__version__, peak=peak))


def probe_host(results: Path, seconds: float) -> Calibration:
    """Measure the peaks of this machine in a process of its own and store them."""
    calibration.read(results, devices.HOST)  # a wrong file is said before anything is measured
    command = [sys.executable, "-P", *probe_words(seconds)]
    limit_s = probe_limit_s(seconds)
    try:
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, timeout=limit_s, check=False)
    except subprocess.TimeoutExpired:
        raise LostTrialError(f"The probe of this machine did not end within {limit_s:g} s.") from None
    if done.returncode:
        last = done.stderr.decode(errors="replace").strip().splitlines()[-1:]
        words = f": {last[0]}" if last else ""
        raise LostTrialError(f"The probe of this machine ended with status {done.returncode}{words}.")
    return store_probe(results, devices.HOST, read_peak(done.stdout, "this machine"))


def new_device(facts: devices.Facts, name: str, folder: Path = Path("devices")) -> Path:
    """Write a description of the board with these facts to `folder` and return the file; an existing one is kept."""
    if name in devices.known():
        raise UsageError(f"{name!r} is a kind of board already: expected a new name.")
    path = folder / f"{name}.toml"
    text = draft_device(facts, name)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with path.open("x", encoding="utf-8") as file:
            file.write(text)
    except OSError as error:
        raise UsageError(f"{path} cannot be written ({error.strerror}): expected a folder to write to.") from error
    return path


def draft_device(facts: devices.Facts, name: str, day: date | None = None) -> str:
    """Return the TOML of a kind of board, drafted from what one board says of itself; what it does not say stays open.

    The facts come from a board and are not trusted: what is of another type or size than expected counts as not said.
    Raise UsageError when they do not tell the board from any other.
    """
    if name == devices.HOST or not _KIND_NAME.fullmatch(name):
        raise UsageError(f"{name!r} cannot name a kind of board: expected small letters, digits and dashes.")
    model = _text(facts, "cpu_model")
    title = _text(facts, "device_tree_model") or model or name
    tables = [
        f'name = {_quoted(name)}\ntitle = {_quoted(_plain(title))}\nstatus = "not run on hardware"\n',
        _match(facts),
        _cpu(facts, model),
        _memory(facts),
        _run(facts),
        _sources(facts, day or datetime.now(UTC).date()),
    ]
    return "\n".join(table for table in tables if table)


def _match(facts: devices.Facts) -> str:
    machine, model = _text(facts, "machine"), _text(facts, "cpu_model")
    compatible, parts = _texts(facts, "device_tree_compatible"), _texts(facts, "cpu_parts")
    lines = ["[match]"]
    if machine:
        lines.append(f"machine = {_quoted(machine)}")
    if compatible:  # a device tree lists the board first and its family last
        lines.append(f"compatible = [{_quoted(compatible[0])}]")
    elif parts:
        lines.append(f"cpu_part = {_list(parts)}")
    elif model:
        lines.append(f"cpu_model = [{_quoted(model)}]")
    if len(lines) == 1:
        raise UsageError("The board says nothing by which it could be known again: expected a machine, at least.")
    return "\n".join(lines) + "\n"


def _cpu(facts: devices.Facts, model: str | None) -> str:
    isa = _list(_texts(facts, "cpu_flags"))
    lines = ["[cpu]"]
    if model:
        lines.append(f"core = {_quoted(_plain(model))}")
    lines += [f"isa = {isa}", ""]
    several = len(_texts(facts, "cpu_parts")) > 1
    for cores in _clusters(facts):
        if several:
            lines.append("# Which of these is it?")
        lines += ["[[cpu.clusters]]", f"core = {_quoted(_plain(model or 'unknown'))}", f"cores = {cores}"]
        lines += [*([] if several else [f"isa = {isa}"]), ""]
    clock = max((limit for _, limit in _clocks(facts)), default=None)
    lines.append("# To fill in: [[cpu.cache]] with level, bytes and shared_by.")
    if clock is None:
        return "\n".join([*lines, "# To fill in: [[cpu.mode]] with name, clock_hz and cores; no clock was said.", ""])
    lines += [
        "",
        "# The highest clock that was allowed. Without mult_adds_per_cycle there is no bound on latency: see",
        "# the manual of the core, and `edgebench devices probe`.",
        "[[cpu.mode]]",
        f'name = "{clock / 1e9:.4g} GHz"',
        f"clock_hz = {clock}",
        f"cores = {_fast_cores(facts)}",
        "# mult_adds_per_cycle = { fp32 = , fp16 = , int8 = }",
        "",
    ]
    return "\n".join(lines)


def _memory(facts: devices.Facts) -> str:
    total = _count(facts.get("memory_total_bytes"), _LARGEST_INT)
    if total is None:
        return ""
    return (
        "[memory]\n# What the system sees: the board is sold with somewhat more.\n"
        f"variants_bytes = [{total}]\n# To fill in: type, bandwidth_nominal_bytes_per_s.\n"
    )


def _run(facts: devices.Facts) -> str:
    threads = [1, *(number for number in (2, 4, 8) if number <= _fast_cores(facts))]
    return (
        '# To fill in: other backends that fit this board.\n[run]\nbackends = ["onnxruntime"]\nprecisions = ["fp32"]\n'
        f"threads = {threads}\n"
    )


def _sources(facts: devices.Facts, day: date) -> str:
    said = {"match": "by what the board is known", "cpu": "core, clusters and instruction sets"}
    if _clocks(facts):
        said["cpu.mode"] = "clock, by cpufreq: firmware may give less"
    if _count(facts.get("memory_total_bytes"), _LARGEST_INT):
        said["memory"] = "MemTotal of /proc/meminfo"
    return "\n".join(
        f'[[source]]\ntable = "{table}"\nfact = "{fact}"\n'
        f'source = "what the board said of itself, {day.isoformat()}"\nconfidence = "verified-source"\n'
        for table, fact in said.items()
    )


def _clusters(facts: devices.Facts) -> list[int]:
    """Return the cores of each cluster: of each group with one clock, or all where each core has a clock of its own."""
    groups = [cores for cores, _ in _clocks(facts)]
    if groups and max(groups) > 1:
        return groups
    return [_count(facts.get("cores"), _MOST_CORES) or len(groups) or 1]


def _fast_cores(facts: devices.Facts) -> int:
    """Return how many cores have the highest clock; all of them where no clock is said."""
    clocks, every = _clocks(facts), sum(_clusters(facts))
    top = max((limit for _, limit in clocks), default=None)
    return min(sum(cores for cores, limit in clocks if limit == top), every) or every


def _clocks(facts: devices.Facts) -> list[tuple[int, int]]:
    """Return number of cores and highest clock of each group of cores that says both."""
    said = facts.get("clocks")
    rows = [row for row in said if isinstance(row, dict)] if isinstance(said, list) else []
    read = [(row.get("cores"), _count(row.get("limit_hz"), _LARGEST_INT)) for row in rows]
    return [(len(cores), limit) for cores, limit in read if isinstance(cores, list) and cores and limit][:_MOST_CORES]


def _text(facts: devices.Facts, key: str) -> str | None:
    value = facts.get(key)
    return value if isinstance(value, str) and value.strip() and len(value) <= _LONGEST_TEXT else None


def _texts(facts: devices.Facts, key: str) -> list[str]:
    values = facts.get(key)
    found = values[:_MOST_NAMES] if isinstance(values, list) else []
    return [one for one in found if isinstance(one, str) and one.strip() and len(one) <= _LONGEST_TEXT]


def _count(value: Any, most: int) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 < value <= most else None


def _plain(text: str) -> str:
    """Return a text to be shown: what does not print is a space."""
    return " ".join("".join(character if character.isprintable() else " " for character in text).split()) or "unknown"


def _list(texts: list[str]) -> str:
    return f"[{', '.join(map(_quoted, texts))}]"


def _quoted(text: str) -> str:
    r"""Return a text as a basic string of TOML.

    >>> print(_quoted('a "b"\n'))
    "a \"b\"\u000a"
    """
    return f'"{"".join(map(_escaped, text))}"'


def _escaped(character: str) -> str:
    code = ord(character)
    if 0xD800 <= code <= 0xDFFF:  # half a pair, which JSON may hold and UTF-8 may not
        return "\\ufffd"
    if character in '"\\':
        return f"\\{character}"
    if character.isprintable():
        return character
    return f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}"
