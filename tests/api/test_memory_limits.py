"""What is said of memory beforehand, held against a kernel that kills: whole runs on a kind of board with a limit."""

import platform
from pathlib import Path

import pytest

from edgebench import api
from edgebench.analysis import residence
from edgebench.analysis.residence import Residence
from edgebench.board.limits import MemoryGroup
from edgebench.store.rows import TrialRow

pytestmark = pytest.mark.slow

BACKEND = "onnxruntime"
DEVICE = """
name = "tight"
title = "This machine with little memory"
status = "not run on hardware"

[match]
machine = "{machine}"

[run]
backends = ["{backend}"]
precisions = ["fp32"]
threads = [1]

[limits]
memory_bytes = {memory_bytes}
"""


def needed(model: str) -> Residence:
    """What a model is predicted to take; the kind of board says nothing of that."""
    (found,) = api.forecast(
        api.ForecastRequest(models=(model,), device="rpi4", backends=(BACKEND,), precisions=("fp32",), threads=(1,))
    ).forecasts
    assert found.memory is not None
    return found.memory


def row(folder: Path, model: str, limit_bytes: int) -> TrialRow:
    """Return the row of a model that was run under a limit, or skip where none would hold."""
    group = MemoryGroup(limit_bytes)
    possible = bool(group.entry)
    group.close()
    if not possible:
        pytest.skip("no control group may be made here")
    (folder / "devices").mkdir(exist_ok=True)
    text = DEVICE.format(machine=platform.machine(), backend=BACKEND, memory_bytes=limit_bytes)
    (folder / "devices" / "tight.toml").write_text(text)
    request = api.Request(device="tight", models=(model,), invocations=1, results=folder / str(limit_bytes))
    return next(one for one in api.run(request).summary.trials if not one.twin)


@pytest.mark.parametrize("model", ["squeezenet:version=1.1", "mobilenet_v1", "alexnet"])
def test_what_is_said_to_fit_is_not_killed(model: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """At the smallest limit at which it is said, a run is measured to its end; at half of the peak it is killed.

    AlexNet takes the most of onnxruntime while it is loaded: its file and its weights lie there together.
    """
    monkeypatch.chdir(tmp_path)
    memory = needed(model)
    assert residence.fits(memory, memory.high_bytes) == "fits"
    assert residence.fits(memory, memory.high_bytes - 1) != "fits"
    fitting = row(tmp_path, model, memory.high_bytes)
    assert (fitting.status, "unlimited" in fitting.flags.split()) == ("done", False)
    starved = row(tmp_path, model, memory.peak_bytes // 2)
    assert (starved.status, starved.out_of_memory) == ("lost", True)
    assert residence.fits(memory, memory.peak_bytes // 2) == "does not fit"
