"""A whole arm64 machine of 1 GB: what a board that runs out of memory, or vanishes, looks like from here."""

import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from edgebench.errors import EdgebenchError
from tests.failures.running import Bench
from tests.needing import lacking
from tests.standin import machine as machines
from tests.standin.machine import Machine, MachineError

pytestmark = pytest.mark.slow

DEVICE = """
name = "machine"
title = "A machine of 1 GB"
status = "not run on hardware"

[match]
machine = "aarch64"

[run]
backends = ["null"]
precisions = ["fp32"]
threads = [1]
"""
BOARDS = """
[checked]
device = "machine"
host = "machine"
ssh_config = '{ssh_config}'
emulated = true

[timed]
device = "machine"
host = "machine"
ssh_config = '{ssh_config}'
"""
SIDE = 1900
# An image of 14 MB becomes 462 MB twice over: more in all than there is, and less at once, which Linux promises.
NETS = """
from torch import nn


def hungry():
    return nn.Sequential(nn.Conv2d(1, 32, 1), nn.Conv2d(32, 32, 1, groups=32), nn.AdaptiveAvgPool2d(1))
"""
LIMIT_S = 600
QUICK = ["--model", "lenet5", "--backend", "null:work=2000"]


@pytest.fixture(scope="module")
def machine() -> Iterator[Machine]:
    """A machine that is switched off; its disk and all it is made of go with it, 2 GB."""
    with tempfile.TemporaryDirectory(prefix="eb-test-machine-") as folder:
        try:
            made = machines.made(Path(folder), ["null", "onnxruntime"])
        except (MachineError, EdgebenchError) as error:
            lacking(str(error))
        yield made


@pytest.fixture
def bench(machine: Machine, tmp_path: Path) -> Iterator[Bench]:
    """A folder in which the machine is a board of boards.toml."""
    made = Bench.made(tmp_path)
    (tmp_path / "devices" / "machine.toml").write_text(DEVICE)
    (tmp_path / "boards.toml").write_text(BOARDS.format(ssh_config=machine.standin.ssh_config))
    (tmp_path / "nets.py").write_text(NETS)
    yield made
    made.all_gone()


def test_a_worker_that_takes_all_memory_is_told(machine: Machine, bench: Bench) -> None:
    """The kernel kills it, its row says so at its stage, and what was found of the trial before it is kept."""
    model = ["--model", "python:nets:hungry", "--input", f"1x1x{SIDE}x{SIDE}"]
    backends = ["--backend", "null:work=1000", "--backend", "onnxruntime"]
    with machine.on():
        code, said = _run(bench, bench.command("run", "--device", "checked", *model, *backends))
    assert code == 3, said
    folder = bench.only_run()
    lost, kept = folder.trial("onnxruntime"), folder.trial("null:work=1000")
    assert (lost["status"], lost["stage"], lost["signal"]) == ("lost", "first call", "SIGKILL")
    assert (lost["out_of_memory"], lost["reason"]) == ("True", "killed by the kernel: out of memory")
    assert int(lost["lost_resident_bytes"]) > 500_000_000
    assert (kept["status"], kept["emulated"]) == ("done", "True")
    assert [one["trial"] for one in folder.journal("footprint")] == [kept["trial"]]
    assert "Out of memory: Killed process" in machine.log.read_text(errors="replace")


def test_a_machine_that_is_switched_off_loses_nothing_measured(machine: Machine, bench: Bench) -> None:
    """Power goes in the second invocation: rows are lost at stage agent, the first is kept, --resume does the rest."""
    command = [sys.executable, "-m", "edgebench", "run", "--device", "timed"]
    with machine.on() as power, bench.started([*command, *QUICK, "--invocations", "2"], {}) as process:
        _await_invocation(process)
        power.kill()
        _, said = process.communicate()
        assert process.returncode == 3, said
    folder = bench.only_run()
    assert {(row["status"], row["stage"]) for row in folder.table("trials")} == {("lost", "agent")}
    assert [line["invocation"] for line in folder.journal("invocation")] == [0]
    blocks = folder.journal("block")
    assert blocks
    with machine.on():
        code, said = _run(bench, [*command, "--resume"])
    assert code == 0, said
    assert [line["invocation"] for line in folder.journal("invocation")] == [0, 1]
    assert folder.journal("block")[: len(blocks)] == blocks
    assert {row["status"] for row in folder.table("trials")} == {"done"}


def _run(bench: Bench, command: list[str]) -> tuple[int, str]:
    """Run a command to its end, which on an emulated machine is far."""
    with bench.started(command, {}) as process:
        _, said = process.communicate(timeout=LIMIT_S)
        assert "Traceback" not in said, said
        return process.returncode, said


def _await_invocation(process: "subprocess.Popen[str]") -> None:
    """Read what a command says until its first invocation is over."""
    assert process.stderr is not None
    for line in process.stderr:
        if "invocation 1 of 2" in line:
            return
    raise AssertionError("the run ended before its first invocation did")
