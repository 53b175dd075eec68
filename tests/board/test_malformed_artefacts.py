"""Artefacts that are no models: a worker ends with one sentence, and takes no more memory than its runtime does."""

import os
import random
import resource
import zipfile
from pathlib import Path

import pytest

from edgebench import formats
from edgebench.board.child import Child, WorkerLost
from edgebench.board.wire import Lost, TrialPlan
from edgebench.formats import Artefact
from tests.needing import installed

pytestmark = pytest.mark.slow

BACKENDS = ("executorch", "inductor", "litert", "mnn", "ncnn", "onnxruntime", "openvino", "torch")
CONTENTS = ("empty", "noise", "truncated", "another kind")
FLIPS = 6
LIMITS = {"warm_up_s": 0.05, "warm_up_cap_s": 0.1}
LIMIT_S = 60
MOST_RESIDENT_BYTES = 1024 * 2**20


def made(backend: str) -> Artefact:
    """Return LeNet-5 as a backend loads it."""
    module = installed(backend)
    assert module.FORMAT is not None
    return formats.convert(formats.source("lenet5"), formats.for_threads(module.FORMAT, 1))


def content(kind: str, whole: bytes) -> bytes:
    """Return a file that is no model."""
    if kind == "noise":
        return random.Random(1).randbytes(20_000)
    return {"empty": b"", "truncated": whole[: len(whole) // 2], "another kind": b"%PDF-1.7 nothing of ours\n" * 50}[
        kind
    ]


def lost(backend: str, artefact: Path) -> Lost | None:
    """Return how a worker that opens a file was lost, None when it was not."""
    origin = formats.source("lenet5")
    trial = TrialPlan(
        id="t",
        backend=backend,
        options={},
        precision="fp32",
        threads=1,
        batch=1,
        artefact=str(artefact),
        inputs=str(origin.inputs),
        reference=str(origin.reference),
    )
    with Child.started(trial, sorted(os.sched_getaffinity(0))[-1:]) as child:
        try:
            child.ask({"do": "open", "trial": child.description(), "limits": LIMITS}, LIMIT_S)
        except WorkerLost as end:
            return end.record("s1", 0, "t")
    return None


def within_memory(found: Lost) -> bool:
    """Tell whether a worker took no more than a runtime does; its peak begins with that of us, who started it."""
    ours = 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return (found.peak_bytes or 0) <= max(ours, MOST_RESIDENT_BYTES)


def is_one_sentence(found: Lost) -> bool:
    """Tell whether a worker said, or its end says, why in a line."""
    return bool(found.reason.strip()) and len(found.reason.splitlines()[0]) > len("ended")


@pytest.mark.parametrize("kind", CONTENTS)
@pytest.mark.parametrize("backend", BACKENDS)
def test_what_is_no_model_is_a_lost_trial(backend: str, kind: str, tmp_path: Path) -> None:
    """The trial is lost while the file is loaded, with a reason, within the memory that the runtime takes anyway."""
    artefact = made(backend)
    path = tmp_path / artefact.path.name
    path.write_bytes(content(kind, artefact.path.read_bytes()))
    found = lost(backend, path)
    assert found is not None
    assert found.stage in ("load", "first call")
    assert is_one_sentence(found)
    assert within_memory(found)


@pytest.mark.parametrize("backend", ["executorch", "litert", "mnn", "ncnn", "onnxruntime", "openvino"])
def test_a_damaged_model_harms_its_worker_alone(backend: str, tmp_path: Path) -> None:
    """A model with bits that are flipped is run or lost with a reason; whatever its runtime does, we go on."""
    artefact = made(backend)
    whole = artefact.path.read_bytes()
    generator = random.Random(2)
    for _ in range(FLIPS):
        damaged = bytearray(whole)
        for _ in range(8):
            damaged[generator.randrange(len(damaged))] ^= 1 << generator.randrange(8)
        path = tmp_path / artefact.path.name
        path.write_bytes(damaged)
        found = lost(backend, path)
        assert found is None or is_one_sentence(found)
        assert found is None or within_memory(found)


def test_a_packed_network_of_ncnn_is_refused(tmp_path: Path) -> None:
    """A few kilobytes that would unpack to gigabytes are refused before anything is unpacked."""
    made("ncnn")
    path = tmp_path / "model.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as stored:
        stored.writestr("interface.json", "{}")
        stored.writestr("model.param", bytes(50_000_000))
        stored.writestr("model.bin", b"")
    found = lost("ncnn", path)
    assert found is not None
    assert found.reason == ("ValueError: the network's files are packed: expected them as they are, none in another")
