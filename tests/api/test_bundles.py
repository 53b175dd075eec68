import csv
import json
import os
import subprocess
import sys
import venv
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from edgebench import api, devices
from edgebench.api import bundles
from edgebench.api._reaching import Board
from edgebench.api.planning import plan_for
from edgebench.board.backends import installed
from edgebench.board.probe import probe
from edgebench.errors import UsageError
from edgebench.measure.plan import worker_bytes
from edgebench.store.bundle import Bundle, read
from tests.needing import lacking
from tests.store.bundling import MANIFEST, content, counted, made, rewritten

ROOT = Path(__file__).parents[2]
LIMIT_S = 120

# A machine without torch, made of one that has it: what looks for it finds nothing, and what imports it dies.
BLOCKER = """
import sys

class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in ("torch", "onnx", "onnxscript"):
            raise ModuleNotFoundError(f"No module named {name!r}", name=name.partition(".")[0])

sys.meta_path.insert(0, Absent())
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """How a command ended and what it said."""

    code: int
    out: str
    err: str

    def sentence(self) -> str:
        """Return the last line on standard error, which is a whole sentence."""
        last = self.err.splitlines()[-1]
        assert last.startswith("edgebench: ")
        assert last.endswith(".")
        return last.removeprefix("edgebench: ")


@dataclass(frozen=True, slots=True, kw_only=True)
class Bare:
    """A folder in which commands run as on a machine without torch and onnx."""

    folder: Path

    def command(self, *words: str, python: str = sys.executable) -> Ended:
        """Run `edgebench` with these words."""
        environment = {**os.environ, "PYTHONPATH": str(self.folder / "absent"), "XDG_CACHE_HOME": str(self.cache)}
        done = subprocess.run(
            [python, "-m", "edgebench", *words],
            cwd=self.folder,
            env=environment,
            capture_output=True,
            text=True,
            timeout=LIMIT_S,
            check=False,
        )
        return Ended(code=done.returncode, out=done.stdout, err=done.stderr)

    @property
    def cache(self) -> Path:
        """Return a cache that no other test fills."""
        return self.folder / "cache"

    def run_folder(self) -> Path:
        """Return the folder of the only run."""
        (found,) = (self.folder / "results" / "host").glob("*Z-*")
        return found

    def trials(self) -> list[dict[str, str]]:
        """Return the rows of trials.csv of the only run."""
        with (self.run_folder() / "trials.csv").open(newline="") as file:
            return list(csv.DictReader(file))


@pytest.fixture
def bare(tmp_path: Path) -> Bare:
    """Return a folder in which torch and onnx cannot be imported."""
    (tmp_path / "absent").mkdir()
    (tmp_path / "absent" / "sitecustomize.py").write_text(BLOCKER)
    return Bare(folder=tmp_path)


@pytest.fixture
def bundle(tmp_path: Path) -> Bundle:
    """Return a bundle of two models at two batches; null runs them, which loads no file."""
    return made(tmp_path, batches=(1, 8))


Plan = Callable[..., api.Plan]


@pytest.fixture
def plan(bundle: Bundle) -> Plan:
    """Return what plans a run of a bundle, on this machine or one with other facts and runtimes."""

    def planned(runtimes: dict[str, str] | None = None, available: int | None = None, **given: Any) -> api.Plan:
        facts = probe()
        if available is not None:
            facts["memory_available_bytes"] = available
        device, unit = devices.resolve(devices.HOST)
        found = installed() if runtimes is None else runtimes
        board = Board(device=device, unit=unit, facts=facts, runtimes=found)
        return plan_for(api.Request(**{"bundle": bundle.path, **given}), board)

    return planned


# --- planning --------------------------------------------------------------------------------------------------------


def test_the_models_of_a_run_are_those_of_its_bundle(plan: Plan, bundle: Bundle) -> None:
    """Without a model named all of the bundle are measured; counts come from it, and nothing is converted."""
    planned = plan(backends=("null",))
    assert tuple(trial.model for trial in planned.trials) == bundle.models == ("lenet5", "vgg:depth=16")
    assert planned.counted == bundle.manifest.counted
    assert planned.converting_s == 0
    assert planned.bundle is not None
    assert (planned.bundle.path, planned.bundle.sha256) == (str(bundle.path), bundle.sha256)


@pytest.mark.parametrize("name", ["vgg", "vgg:depth=16", "vgg:16"])
def test_a_model_is_found_under_any_of_its_names(name: str, plan: Plan) -> None:
    """What a user types is compared by its canonical name, as in a run without a bundle."""
    if name == "vgg:16":
        with pytest.raises(UsageError, match="holds no model 'vgg:16': in it are lenet5, vgg:depth=16"):
            plan(models=(name,), backends=("null",))
    else:
        assert [trial.model for trial in plan(models=(name,), backends=("null",)).trials] == ["vgg:depth=16"]


REFUSED = [
    ({"models": ("squeezenet",)}, "holds no model 'squeezenet': in it are lenet5, vgg:depth=16."),
    ({"models": ("no such",)}, "holds no model 'no such': in it are lenet5, vgg:depth=16."),
    ({"suite": "seeds"}, "holds no model 'mobilenet_v1': in it are lenet5, vgg:depth=16."),
    (
        {"models": ("lenet5",), "batches": (2,), "backends": ("onnxruntime",)},
        "does not hold lenet5 in onnx at batch 2 (for onnxruntime), but in onnx at batch 1, onnx at batch 8: "
        "ask for what is there, or pack it again with `edgebench pack ... --backend onnxruntime --batch 2`.",
    ),
    (
        {"models": ("lenet5",), "backends": ("torch",)},
        "does not hold lenet5 in pt2 at batch 1 (for torch), but in onnx at batch 1, onnx at batch 8: "
        "ask for what is there; no bundle holds pt2, which runs code from the file.",
    ),
    ({"runtimes": {"torch": "2"}}, "holds nothing that torch loads, and no other backend is installed."),
]


@pytest.mark.parametrize(("given", "message"), REFUSED, ids=[message for _, message in REFUSED])
def test_what_a_bundle_does_not_hold_is_said(given: dict[str, Any], message: str, plan: Plan, bundle: Bundle) -> None:
    """A model, batch or format that was not packed is one sentence that says what was."""
    with pytest.raises(UsageError) as refused:
        plan(**given)
    assert str(refused.value) == f"{bundle.path} {message}"


def test_backends_whose_format_is_not_there_are_left_out(plan: Plan) -> None:
    """The device's own backends are taken as far as the bundle serves them: torch is not, though it is installed."""
    runtimes = {"torch": "2", "onnxruntime": "1", "openvino": "2026"}
    assert {trial.backend for trial in plan(runtimes=runtimes).trials} == {"onnxruntime", "openvino"}


# --- memory ----------------------------------------------------------------------------------------------------------


def test_a_model_that_will_not_fit_is_left_out(tmp_path: Path, plan: Plan) -> None:
    """What needs more memory than there is gets no process, no twin and no time; it is said with both figures."""
    (tmp_path / "large").mkdir()
    large = made(tmp_path / "large", counted("vgg:depth=16", 10**7), counted("lenet5")).path
    small = plan(bundle=large, models=("lenet5",), backends=("null",))
    both = plan(bundle=large, backends=("null",), available=300_000_000)
    first, second = both.trials
    assert [one.trial for one in both.left_out] == [first.id]
    needed = worker_bytes(first, 4 * (8 + 2) * 10**7)
    assert needed == 120_000_000 + 10**9
    assert both.left_out[0].stage == "memory"
    assert both.left_out[0].reason == "needs about 1.04 GiB, 286 MiB of host's memory is available"
    (session,) = both.sessions
    assert [trial.id for trial in session.trials] == [first.id, second.id, f"{second.id}|twin"]
    assert not session.together  # two workers of 120 MB are more than 70 % of 300 MB
    assert both.measuring_s == small.measuring_s
    assert api.expectation(both).startswith("1 trial in 1 session on host (")


def test_when_no_model_fits_it_is_wrong_use(plan: Plan) -> None:
    """A run in which nothing would be left is refused before anything is made, with the smallest need."""
    with pytest.raises(UsageError) as refused:
        plan(backends=("null",), available=100 * 2**20)
    assert str(refused.value) == (
        "No trial fits: lenet5|null|fp32|threads=1|batch=1 needs about 114 MiB, 100 MiB of host's memory is available; "
        "end other programs, or choose smaller models."
    )


@pytest.mark.slow
def test_a_model_that_does_not_fit_is_a_row(bare: Bare, tmp_path: Path) -> None:
    """The others are measured; the row says that it was not tried, and why, and the run is a success."""
    (tmp_path / "large").mkdir()
    made(tmp_path / "large", counted("vgg:depth=16", 10**12), counted("lenet5"))
    done = bare.command("run", "--bundle", "large/bundle.zip", "--backend", "null", "--invocations", "1")
    assert done.code == 0, done.err
    assert "vgg:depth=16|null|fp32|threads=1|batch=1 is left out: it needs about " in done.err
    large, small, twin = bare.trials()
    assert (large["status"], large["stage"], large["latency_p50_s"]) == ("unsupported", "memory", "")
    assert large["reason"].startswith("needs about ")
    assert large["reason"].endswith(" of host's memory is available")
    assert [row["status"] for row in (small, twin)] == ["done", "done"]
    dry = bare.command("run", "--bundle", "large/bundle.zip", "--backend", "null", "--dry-run")
    assert "\nLeft out: vgg:depth=16|null|fp32|threads=1|batch=1 needs about " in dry.out


# --- runs without torch ----------------------------------------------------------------------------------------------


def test_the_blocked_machine_has_no_torch(bare: Bare) -> None:
    """Without a bundle such a machine can neither count nor pack, and says what to do about it."""
    counting = bare.command("run", "--model", "lenet5", "--backend", "null")
    assert counting.code == 2
    assert counting.sentence() == (
        "To count a model needs torch, which is not installed: `.venv/bin/pip install -c constraints.txt -e '.[host]'` "
        "in the clone, or measure a bundle that `edgebench pack` made on another machine (run --bundle)."
    )


@pytest.mark.slow
def test_a_bundle_is_measured_without_torch(bare: Bare, bundle: Bundle) -> None:
    """A run with a bundle imports neither torch nor onnx; its journal names the bundle, its rows have the counts."""
    done = bare.command("run", "--bundle", "bundle.zip", "--backend", "null:work=500", "--invocations", "1", "--json")
    assert done.code == 0, done.err
    assert [row["status"] for row in bare.trials()] == ["done", "done", "done"]
    assert {row["mult_adds"] for row in bare.trials()} == {"8"}
    context = json.loads((bare.run_folder() / "context.json").read_text())
    assert context["bundle"] == {"path": "bundle.zip", "sha256": bundle.sha256}
    assert bare.command("recompute", str(bare.run_folder())).code == 0


def unfinished(bare: Bare) -> None:
    """Take the end off the journal of the only run."""
    journal = bare.run_folder() / "journal.jsonl"
    lines = [line for line in journal.read_text().splitlines() if '"event":"ended"' not in line]
    journal.write_text("".join(f"{line}\n" for line in lines))


@pytest.mark.slow
def test_a_run_is_resumed_with_its_own_bundle(bare: Bare, bundle: Bundle, tmp_path: Path) -> None:
    """Going on takes the bundle from where it was; gone, or another, is one sentence, and putting it back helps."""
    bare.command("run", "--bundle", "bundle.zip", "--backend", "null:work=500", "--invocations", "1")
    unfinished(bare)
    kept = bundle.path.rename(tmp_path / "kept.zip")
    gone = bare.command("run", "--resume")
    assert (gone.code, gone.sentence()) == (
        2,
        "The models of this run are from the bundle bundle.zip, which is not there: put it back.",
    )
    (tmp_path / "other").mkdir()
    made(tmp_path / "other", counted("lenet5")).path.rename(bundle.path)
    other = bare.command("run", "--resume")
    assert (other.code, other.sentence()) == (
        2,
        "The models of this run are from another bundle than bundle.zip is now: put the first one back.",
    )
    kept.replace(bundle.path)
    assert bare.command("run", "--resume").code == 0
    assert [row["status"] for row in bare.trials()] == ["done", "done", "done"]


def test_a_tampered_bundle_leaves_nothing(bare: Bare, bundle: Bundle) -> None:
    """A bundle with a changed file is refused before anything is measured, unpacked or written."""
    members = content(bundle.path)
    name = bundle.manifest.packed[0].artefact
    rewritten(bundle.path, {**members, name: b"T" + members[name][1:]})
    for extra in ((), ("--dry-run",)):
        done = bare.command("run", "--bundle", "bundle.zip", "--backend", "null", *extra)
        assert (done.code, done.out) == (2, "")
        assert done.sentence() == (
            f"bundle.zip cannot be used as a bundle: its file {name} is not the one that was packed; "
            "make it again with `edgebench pack`."
        )
    assert not list((bare.folder / "results").rglob("journal.jsonl"))
    assert not bare.cache.exists()


# --- packing ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("what", "given", "message"),
    [
        (
            ["lenet5"],
            {"backends": ["torch"]},
            "torch loads the format pt2, and that runs code from the file: a bundle does not hold it; "
            "a machine that has torch can measure without a bundle.",
        ),
        (["lenet5"], {"backends": ["null"]}, "null loads no file: expected a backend that has a format."),
        (["lenet5"], {"backends": ["nosuch"]}, "Unknown backend 'nosuch': known are "),
        (["nosuch"], {}, "Unknown architecture 'nosuch': known are "),
    ],
)
def test_what_cannot_be_packed_is_said_before(
    what: list[str], given: dict[str, Any], message: str, tmp_path: Path
) -> None:
    """A request to pack that cannot be met is one sentence, before anything is converted or written."""
    with pytest.raises(UsageError) as refused:
        api.pack(what, tmp_path / "bundle.zip", say=print, **given)
    assert str(refused.value).startswith(message)
    assert list(tmp_path.iterdir()) == []


def test_where_to_pack_is_looked_at_before(tmp_path: Path) -> None:
    """A folder that does not exist, or that stands where the file should, is said before minutes are spent."""
    for path in (tmp_path, tmp_path / "nowhere" / "bundle.zip"):
        with pytest.raises(UsageError, match=r"cannot be written: expected a file in a folder that exists\.$"):
            api.pack(["lenet5"], path, say=print)


def test_backends_without_their_converter_are_named_when_they_are_not_packed(monkeypatch: pytest.MonkeyPatch) -> None:
    """By default a format whose converter would be installed first is left out; a backend that is named is packed."""
    monkeypatch.setattr("edgebench.formats._environment.missing", lambda _: True)
    found, not_packed = bundles._formats(())
    assert "onnx" in found
    assert {"litert", "mnn", "ncnn"} <= set(not_packed)
    assert not {"tflite", "mnn", "ncnn"} & set(found)
    assert bundles._formats(("ncnn",)) == (("ncnn",), ())


@pytest.fixture(scope="module")
def packed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Pack two real networks with the command line."""
    path = tmp_path_factory.mktemp("packed") / "two.zip"
    layer = "layer:standard,size=4,in=4,out=4,kernel=1"
    command = [sys.executable, "-m", "edgebench", "pack", "lenet5", layer, "lenet5", "-o", str(path)]
    command += ["--backend", "onnxruntime"]  # else all formats whose converters are in the cache by then
    done = subprocess.run(command, capture_output=True, text=True, timeout=LIMIT_S, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(f"{path}: 2 models as onnx, ")
    assert done.stdout.endswith("\nOn the board: edgebench run --bundle two.zip\n")
    return path


@pytest.mark.slow
def test_packing_again_gives_the_same_file(packed: Path, tmp_path: Path) -> None:
    """From one cache the same request gives the same bytes, and a bundle can be read where it was made."""
    models = ["lenet5", "layer:standard,size=4,in=4,out=4,kernel=1"]
    again = api.pack(models, tmp_path / "b.zip", backends=["onnxruntime"], say=print)
    assert again.path.read_bytes() == packed.read_bytes()
    assert (again.models[0], again.formats, again.batches, again.not_converted) == ("lenet5", ("onnx",), (1,), ())
    assert read(packed).manifest.counted[0] == api.plan(api.Request(models=("lenet5",), backends=("null",))).counted[0]
    assert MANIFEST in content(packed)


@pytest.mark.slow
def test_a_real_bundle_is_measured_without_torch(packed: Path, bare: Bare) -> None:
    """LeNet-5 runs in onnxruntime from a bundle, with parity, where torch and onnx cannot be imported."""
    options = ("--bundle", str(packed), "--backend", "onnxruntime", "--invocations", "1")
    done = bare.command("run", *options, "--model", "lenet5")
    assert done.code == 0, done.err
    row, _ = bare.trials()
    assert (row["status"], row["format"], row["mult_adds"]) == ("done", "onnx", "416520")
    assert float(row["parity_max_abs_diff"]) <= 1e-3 * float(row["parity_scale"])
    assert "parity" not in row["flags"].split()
    assert sorted(path.suffix for path in bare.cache.rglob("brought/*")) == [".npz", ".npz", ".onnx"]


@pytest.mark.slow
def test_a_real_bundle_is_measured_in_an_environment_of_its_own(packed: Path, tmp_path: Path) -> None:
    """In a new environment with the base dependencies and onnxruntime, and nothing else, a bundle is measured."""
    place = tmp_path / "venv"
    venv.create(place, with_pip=True)
    python = str(place / "bin" / "python")
    install = [python, "-m", "pip", "install", "-q", "-c", str(ROOT / "constraints.txt"), f"{ROOT}[onnxruntime]"]
    done = subprocess.run(install, capture_output=True, text=True, check=False)
    if done.returncode:
        lacking(f"pip could not install: {done.stderr.strip().splitlines()[-1]}")
    absent = [
        python,
        "-c",
        "import importlib.util as u; print([u.find_spec(n) for n in ('torch', 'onnx', 'onnxscript')])",
    ]
    found = subprocess.run(absent, capture_output=True, text=True, cwd=tmp_path, check=True).stdout
    assert found == "[None, None, None]\n"
    (tmp_path / "absent").mkdir()
    there = Bare(folder=tmp_path)
    done_run = there.command("run", "--bundle", str(packed), "--invocations", "1", python=python)
    assert done_run.code == 0, done_run.err
    assert {(row["backend"], row["status"]) for row in there.trials()} == {("onnxruntime", "done")}
    assert there.command("pack", "lenet5", python=python).sentence() == (
        "To convert to onnx needs torch, onnx, onnxscript, which is not installed: "
        "`pip install 'WHEEL[host]'`, WHEEL being the path of edgebench's wheel."
    )
    assert there.command("count", "lenet5", python=python).code == 2
