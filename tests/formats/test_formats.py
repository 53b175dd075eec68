import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from edgebench import formats
from edgebench.errors import UsageError
from edgebench.formats import ConversionFailed, _cache
from edgebench.formats._cache import source_folder, trim, whole

PLUGIN = """
import os
import signal
from dataclasses import dataclass
from typing import Literal

from torch import nn

TITLE = "A network that gets into trouble"
PAPER = "none"


@dataclass(frozen=True)
class Parameters:
    trouble: Literal["data", "raise", "status", "silent", "segfault"] = "data"


def input_shapes(parameters, batch):
    return {"x": (batch, 4)}


class DependsOnData(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(4, 4)

    def forward(self, x):
        return self.fc(x) if x.sum().item() > 0 else x


def build(parameters):
    if parameters.trouble == "raise":
        raise ValueError("\\x1b[31mno such network\\x1b[0m\\n\\nNext steps: none") from KeyError("cause")
    if parameters.trouble == "status":
        os._exit(7)
    if parameters.trouble == "silent":
        os._exit(0)
    if parameters.trouble == "segfault":
        os.kill(os.getpid(), signal.SIGSEGV)
    return DependsOnData()
"""

MAKE = "from edgebench import formats; import sys; print(formats.source('lenet5', batch=int(sys.argv[1])).folder)"


@pytest.fixture
def empty(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a new, empty cache that all processes of this test share."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def troubled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Register an architecture from another package, here and for the processes that convert."""
    (tmp_path / "troubled.py").write_text(PLUGIN)
    metadata = tmp_path / "troubled-1.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: troubled\nVersion: 1\n")
    (metadata / "entry_points.txt").write_text("[edgebench.architectures]\ntroubled = troubled\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.delitem(sys.modules, "troubled", raising=False)


def kept(cache: Path) -> list[str]:
    """Return the names of all that lies in a cache, drafts too."""
    return sorted(path.name for path in cache.rglob("*") if path.is_file())


# --- the cache -------------------------------------------------------------------------------------------------------


def test_the_same_content_has_the_same_folder() -> None:
    """One model, batch and seed is one folder, whatever the order of its parameters in the canonical name."""
    assert source_folder("lenet5", 1, 0) == source_folder("lenet5", 1, 0)
    assert source_folder("lenet5", 1, 0).name.startswith("lenet5-")


def test_other_content_has_another_folder() -> None:
    """Another model, parameter, batch or seed never meets the first one's files."""
    folders = {
        source_folder(model, batch, seed)
        for model in ("mobilenet_v1", "mobilenet_v1:width=0.5", "lenet5")
        for batch in (1, 8)
        for seed in (0, 1)
    }
    assert len(folders) == 3 * 2 * 2


@pytest.mark.usefixtures("troubled")
def test_another_definition_has_another_folder(tmp_path: Path) -> None:
    """A changed source file of an architecture makes a new folder: old weights are not taken for its own."""
    before = source_folder("troubled", 1, 0)
    (tmp_path / "troubled.py").write_text(PLUGIN + "\n# changed\n")
    assert source_folder("troubled", 1, 0) != before


def test_the_cache_is_the_users(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Artefacts lie in $XDG_CACHE_HOME/edgebench, and in ~/.cache/edgebench without it."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert formats.cache_folder() == tmp_path / "edgebench"
    monkeypatch.setenv("XDG_CACHE_HOME", "")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert formats.cache_folder() == tmp_path / ".cache" / "edgebench"


def test_clearing_says_what_it_freed(empty: Path) -> None:
    """Clearing returns the bytes that were there; an empty cache holds and frees none."""
    assert (formats.cached_bytes(), formats.clear_cache()) == (0, 0)
    with whole(formats.cache_folder() / "artefacts" / "net") as draft:
        (draft / "weights.pt").write_bytes(b"12345")
    assert (formats.cached_bytes(), formats.clear_cache(), formats.cached_bytes()) == (5, 5, 0)
    assert kept(empty) == []


def test_the_cache_is_kept_small(empty: Path) -> None:
    """What was not used for longest goes first, nothing of the last day, and nothing that a user gave."""
    root = empty / "edgebench"
    names = ("artefacts/old", "environments/older", "artefacts/new", "artefacts/users")
    for name, age_s in zip(names, (2e5, 3e5, 1e3, 9e5), strict=True):
        (root / name).mkdir(parents=True)
        (root / name / "file").write_bytes(bytes(100))
        then = (root / name).stat().st_mtime - age_s
        os.utime(root / name, (then, then))
    cached = formats.cached_bytes
    trim(300)
    assert (cached(), (root / names[1]).exists()) == (300, False)
    _cache.mark_used(root / names[0])
    trim(0)
    assert [name for name in names if (root / name).exists()] == [names[0], names[2], names[3]]


def test_the_size_of_an_environment_is_noted(empty: Path) -> None:
    """How much an environment takes is counted once, when it is made, and told from then on."""
    folder = empty / "edgebench" / "environments" / "some"
    folder.mkdir(parents=True)
    (folder / "file").write_bytes(bytes(100))
    assert formats.cached_bytes() == 100
    _cache.note_size(folder)
    (folder / "file").write_bytes(bytes(7))
    assert formats.cached_bytes() == 100


def test_what_vanishes_meanwhile_counts_for_nothing(empty: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another process may end its own draft while the cache is being counted."""
    folder = empty / "edgebench" / "environments" / "draft"
    folder.mkdir(parents=True)
    (folder / "file").write_bytes(bytes(100))
    walked: list[tuple[str, list[str], list[str]]] = [(str(folder), [], ["file", "gone"])]
    monkeypatch.setattr(os, "walk", lambda _: walked)
    assert _cache._bytes_in(folder) == 100


def test_the_caches_limit_is_the_users(empty: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """EDGEBENCH_CACHE_BYTES sets the limit; what is no number is one sentence."""
    monkeypatch.setenv("EDGEBENCH_CACHE_BYTES", "20G")
    with pytest.raises(UsageError, match="EDGEBENCH_CACHE_BYTES is '20G'"):
        trim()
    monkeypatch.setenv("EDGEBENCH_CACHE_BYTES", "5")
    assert _cache._most_bytes() == 5


@pytest.mark.parametrize("trouble", [KeyboardInterrupt(), ConversionFailed("convert", "no", lost=False)])
def test_an_interrupted_conversion_leaves_nothing(trouble: BaseException, tmp_path: Path) -> None:
    """A folder appears whole or not at all: not after Ctrl-C, and no draft stays behind."""
    target = tmp_path / "artefacts" / "net"
    with pytest.raises(type(trouble)), whole(target) as draft:
        (draft / "half").touch()
        raise trouble
    assert list((tmp_path / "artefacts").iterdir()) == []


def test_the_second_of_two_makers_gives_way(tmp_path: Path) -> None:
    """Where another process was quicker with the same content its folder stays, and no draft stays behind."""
    target = tmp_path / "net"
    with whole(target) as slow:
        (slow / "whose").write_text("slow")
        with whole(target) as quick:
            (quick / "whose").write_text("quick")
    assert (target / "whose").read_text() == "quick"
    assert list(tmp_path.iterdir()) == [target]


@pytest.mark.slow
def test_two_processes_race_harmlessly(empty: Path) -> None:
    """Two processes that make one source at once both get it, whole, and nothing else is left."""
    command = [sys.executable, "-c", MAKE, "3"]
    racers = [subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) for _ in range(2)]
    found = [racer.communicate() for racer in racers]
    assert [racer.returncode for racer in racers] == [0, 0], found
    (folder,) = {stdout.strip() for stdout, _ in found}
    assert kept(empty) == ["inputs.npz", "reference.npz", "weights.pt"]
    assert [path.name for path in Path(folder).parent.iterdir()] == [Path(folder).name]
    with np.load(Path(folder) / "inputs.npz") as inputs:
        assert inputs["x"].shape == (3, 1, 32, 32)


def test_a_cache_that_cannot_be_written_is_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where no folder can be made, the error names it and the variable that chooses another."""
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    with pytest.raises(UsageError, match=r"file/edgebench/artefacts cannot be written .*XDG_CACHE_HOME"):
        formats.source("lenet5")


# --- conversions that fail -------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("troubled")
@pytest.mark.parametrize("format_name", ["pt2", pytest.param("onnx", marks=pytest.mark.slow)])
def test_a_network_that_does_not_export_is_refused_with_a_reason(format_name: str, empty: Path) -> None:
    """An exporter that says no gives one line that names the cause; its source stays, and no half file."""
    origin = formats.source("troubled")
    with pytest.raises(ConversionFailed, match="Could not guard on data-dependent expression") as failed:
        formats.convert(origin, format_name)
    assert (failed.value.stage, failed.value.lost) == ("convert", False)
    assert "\n" not in str(failed.value)
    assert failed.value.stderr_tail
    assert kept(empty) == ["inputs.npz", "reference.npz", "weights.pt"]


@pytest.mark.usefixtures("troubled")
def test_a_network_that_cannot_be_built_is_refused_with_a_reason(empty: Path) -> None:
    """What a definition raises is the reason, with its cause; the traceback is kept apart."""
    with pytest.raises(ConversionFailed) as failed:
        formats.source("troubled:trouble=raise")
    assert (failed.value.stage, failed.value.lost) == ("build", False)
    assert "no such network" in str(failed.value)
    assert str(failed.value).endswith("; because of KeyError: 'cause'")
    assert "Next steps: none" in failed.value.stderr_tail
    assert kept(empty) == []


@pytest.mark.usefixtures("troubled")
@pytest.mark.parametrize(
    ("trouble", "ending"),
    [
        ("status", "the converter ended with status 7 and no answer"),
        ("silent", "the converter ended with status 0 and no answer"),
        ("segfault", "the converter ended by SIGSEGV"),
    ],
)
def test_a_converter_that_crashes_is_a_loss(trouble: str, ending: str, empty: Path) -> None:
    """A converter that ended without an answer says nothing of the network: lost, with its status or signal."""
    with pytest.raises(ConversionFailed) as failed:
        formats.source(f"troubled:trouble={trouble}")
    assert (failed.value.stage, failed.value.lost, str(failed.value)) == ("build", True, ending)
    assert kept(empty) == []


# --- one set of weights ----------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def lenet5() -> formats.Source:
    """Return LeNet-5, built once for this module."""
    return formats.source("lenet5")


def weights(origin: formats.Source) -> dict[str, "np.ndarray[tuple[int, ...], np.dtype[np.float32]]"]:
    """Return the weights that all formats share."""
    state = torch.load(origin.weights, weights_only=True)
    return {name: tensor.numpy() for name, tensor in state.items()}


def test_a_source_is_made_once(lenet5: formats.Source) -> None:
    """A second call finds the files of the first, untouched."""
    before = {path.name: path.stat().st_mtime_ns for path in lenet5.folder.iterdir() if path.is_file()}
    assert formats.source("lenet5") == lenet5
    assert {path.name: path.stat().st_mtime_ns for path in lenet5.folder.iterdir() if path.is_file()} == before
    assert set(before) == {"weights.pt", "inputs.npz", "reference.npz"}


def test_another_seed_gives_other_weights(lenet5: formats.Source) -> None:
    """Weights and inputs follow the seed."""
    other = formats.source("lenet5", seed=1)
    mine, theirs = weights(lenet5), weights(other)
    assert mine.keys() == theirs.keys()
    assert not any(np.array_equal(mine[name], theirs[name]) for name in mine if name.endswith("weight"))
    with np.load(lenet5.inputs) as first, np.load(other.inputs) as second:
        assert not np.array_equal(first["x"], second["x"])


@pytest.mark.slow
def test_onnx_holds_the_same_weights(lenet5: formats.Source) -> None:
    """Each weight of LeNet-5 (no batch norm to fold) is an initialiser of the .onnx file, bit for bit."""
    import onnx

    artefact = formats.convert(lenet5, "onnx")
    model = onnx.load(artefact.path)
    initialisers = [onnx.numpy_helper.to_array(one) for one in model.graph.initializer]
    for name, array in weights(lenet5).items():
        assert any(np.array_equal(array, found) or np.array_equal(array.T, found) for found in initialisers), name
    assert [one.name for one in model.graph.input] == ["x"]
    assert {opset.version for opset in model.opset_import if opset.domain == ""} == {18}


@pytest.mark.slow
def test_pt2_holds_the_same_weights(lenet5: formats.Source) -> None:
    """The state of the exported program is the source's, bit for bit, and its outputs are the reference."""
    artefact = formats.convert(lenet5, "pt2")
    program = torch.export.load(artefact.path)
    expected = weights(lenet5)
    assert program.state_dict.keys() == expected.keys()
    for name, tensor in program.state_dict.items():
        assert np.array_equal(tensor.detach().numpy(), expected[name]), name
    with np.load(lenet5.inputs) as inputs, np.load(lenet5.reference) as reference, torch.inference_mode():
        output = program.module()(torch.from_numpy(inputs["x"]))
        assert np.allclose(output.numpy(), reference["y0"], rtol=1e-5, atol=1e-6)


@pytest.mark.slow
def test_an_artefact_says_what_it_is(lenet5: formats.Source) -> None:
    """Size, hash and versions come from the manifest; the second call converts nothing."""
    first = formats.convert(lenet5, "pt2")
    written = first.path.stat().st_mtime_ns
    assert formats.convert(lenet5, "pt2") == first
    assert first.path.stat().st_mtime_ns == written
    assert first.size_bytes == first.path.stat().st_size
    assert first.versions.keys() == {"torch"}
    assert json.loads((first.path.parent / "manifest.json").read_text())["sha256"] == first.sha256
    assert formats.cached("lenet5", "pt2")
    assert not formats.cached("lenet5", "pt2", batch=2)
