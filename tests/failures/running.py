"""Run the real command in a folder of its own, disturb it, and read what it left."""

import contextlib
import csv
import functools
import gzip
import json
import os
import platform
import signal
import subprocess
import sys
import threading
import uuid
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil

PLUGINS = Path(__file__).parent / "plugins"
LIMIT_S = 120
"""Longer than any command here takes on a machine that does ten other things."""

_POLL_S = 0.01
_MARK = "EDGEBENCH_TEST"

_DEVICE = f"""
name = "bench"
title = "This machine, impatient"
status = "not run on hardware"

[match]
machine = "{platform.machine()}"

[run]
backends = ["null"]
precisions = ["fp32"]
threads = [1]

[limits]
stage_s = 3.0  # above the longest warm-up, which takes 2 s on a machine without rest
"""

Json = dict[str, Any]
Rows = list[dict[str, str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """How a command ended and what it said."""

    code: int
    out: str
    err: str

    def sentence(self) -> str:
        """Return the one line on standard error, and check that it is one and for people."""
        (line,) = self.err.splitlines()
        assert line.startswith("edgebench: ")
        assert line.endswith(".")
        return line


@dataclass(frozen=True, slots=True, kw_only=True)
class Bench:
    """A folder in which commands run, with a device, plugins and a cache of its own."""

    folder: Path
    mark: str = field(default_factory=lambda: uuid.uuid4().hex)

    @classmethod
    def made(cls, folder: Path) -> "Bench":
        """Return a bench in a folder, with the device `bench` in its devices/."""
        (folder / "devices").mkdir()
        (folder / "devices" / "bench.toml").write_text(_DEVICE)
        return cls(folder=folder)

    @property
    def results(self) -> Path:
        """Return the folder of all run folders."""
        return self.folder / "results"

    def command(self, *arguments: str) -> list[str]:
        """Return a command line; measuring is on the device `bench` unless another is named."""
        device = ["--device", "bench"] if arguments[0] == "run" and "--device" not in arguments else []
        return [sys.executable, "-m", "edgebench", *arguments, *device]

    def run(self, *arguments: str, environment: Mapping[str, str] | None = None) -> Ended:
        """Run a command to its end."""
        with self.started(self.command(*arguments), environment or {}) as process:
            return ended(process)

    def run_any(self, command: list[str]) -> Ended:
        """Run a whole command line to its end."""
        with self.started(command, {}) as process:
            return ended(process)

    def run_mounted(self, folder: str, options: str, arguments: list[str], afterwards: str = "true") -> Ended:
        """Run a command where a folder is a tmpfs, mounted with `options`, whose content is gone in the end."""
        (self.folder / folder).mkdir()
        script = f'mount -t tmpfs -o {options} tmpfs {folder} && {{ "$@"; code=$?; {afterwards}; exit $code; }}'
        with self.started([*(mounting() or ()), "sh", "-c", script, "sh", *arguments], {}) as process:
            return ended(process)

    @contextlib.contextmanager
    def started(self, command: list[str], environment: Mapping[str, str]) -> "Iterator[subprocess.Popen[str]]":
        """Start a command as the leader of a process group; kill what is left of it, agents and workers too."""
        paths = [environment.get("PYTHONPATH", ""), str(PLUGINS), str(Path(__file__).parents[2])]
        process = subprocess.Popen(
            command,
            cwd=self.folder,
            env={
                **os.environ,
                "XDG_CACHE_HOME": str(self.folder / "cache"),
                **environment,
                "PYTHONPATH": os.pathsep.join(filter(None, paths)),
                _MARK: self.mark,
            },
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            process_group=0,
        )
        try:
            with process:
                try:
                    yield process
                finally:
                    process.kill()
        finally:
            for left in self.processes():
                with contextlib.suppress(psutil.NoSuchProcess):
                    left.kill()

    def processes(self) -> list[psutil.Process]:
        """Return all living processes that commands of this bench started, at whatever distance."""
        return [process for process in psutil.process_iter() if _environment(process).get(_MARK) == self.mark]

    def all_gone(self) -> None:
        """Wait until no process of this bench is left."""
        until(lambda: not self.processes(), "all processes gone")

    def only_run(self) -> "Folder":
        """Return the one run folder there is."""
        (path,) = (journal.parent for journal in self.results.glob("*/*/journal.jsonl"))
        return Folder(path=path)


@dataclass(frozen=True, slots=True, kw_only=True)
class Folder:
    """A run folder, read as any program would read it."""

    path: Path

    def text(self) -> str:
        """Return the journal."""
        return (self.path / "journal.jsonl").read_text()

    def journal(self, event: str) -> list[Json]:
        """Return the whole lines of one kind in the journal."""
        return _records(self.path / "journal.jsonl", event)

    def spooled(self, event: str) -> list[Json]:
        """Return the whole lines of one kind in the spools."""
        return [record for spool in self.path.glob("spool-*") for record in _records(spool, event)]

    def table(self, name: str) -> Rows:
        """Return the rows of NAME.csv."""
        with (self.path / f"{name}.csv").open(newline="") as file:
            return list(csv.DictReader(file))

    def trial(self, words: str) -> dict[str, str]:
        """Return the one row of trials.csv, twins apart, whose model or backend is `words`."""
        rows = [
            row for row in self.table("trials") if words in (row["model"], row["backend"]) and row["twin"] != "True"
        ]
        (row,) = rows
        return row

    def check_tables(self) -> None:
        """Check that all samples of all blocks in the journal stand in the tables."""
        blocks = self.journal("block")
        keys = ("session", "invocation", "round", "trial")
        expected = sorted([str(block[key]) for key in keys] for block in blocks)
        assert sorted([row[key] for key in keys] for row in self.table("rounds")) == expected
        with gzip.open(self.path / "samples.csv.gz", "rt", newline="") as file:
            steady = sum(row["phase"] == "steady" for row in csv.DictReader(file))
        assert steady == sum(len(block["wall_ns"]) for block in blocks)


def ended(process: "subprocess.Popen[str]") -> Ended:
    """Wait for a command and return how it ended; whatever it says, it is never a traceback."""
    out, err = process.communicate(timeout=LIMIT_S)
    assert "Traceback" not in err, err
    return Ended(code=process.returncode, out=out, err=err)


def agent_of(process: "subprocess.Popen[str]") -> psutil.Process:
    """Return the agent that a running command started."""
    (agent,) = (child for child in psutil.Process(process.pid).children() if "edgebench.board.agent" in child.cmdline())
    return agent


def interrupt_group(process: "subprocess.Popen[str]") -> None:
    """Do what Ctrl-C does on a terminal: SIGINT to the command and all of its process group."""
    os.killpg(process.pid, signal.SIGINT)


def until(condition: Callable[[], object], what: str) -> None:
    """Wait until a condition holds; fail, saying what was waited for, when it never does."""
    never = threading.Event()
    for _ in range(int(LIMIT_S / _POLL_S)):
        if condition():
            return
        never.wait(_POLL_S)
    raise AssertionError(f"waited {LIMIT_S} s in vain for: {what}")


@functools.cache
def mounting() -> list[str] | None:
    """Return the command in front of one that may mount; None where the machine allows it to nobody."""
    for command in (["unshare", "--mount", "--map-root-user"], ["unshare", "--mount"]):
        with contextlib.suppress(FileNotFoundError):
            probe = [*command, "mount", "-t", "tmpfs", "tmpfs", "/mnt"]
            if subprocess.run(probe, capture_output=True, check=False).returncode == 0:
                return command
    return None


def _records(path: Path, event: str) -> list[Json]:
    if not path.exists():
        return []
    whole = path.read_bytes().rpartition(b"\n")[0].splitlines()
    return [record for record in map(json.loads, whole) if record["event"] == event]


def _environment(process: psutil.Process) -> dict[str, str]:
    try:
        return process.environ()
    except (psutil.NoSuchProcess, psutil.AccessDenied):
        return {}
