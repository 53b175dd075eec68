"""Count what an emulated board's processor executes for one inference, in the runtimes that run on it."""

import hashlib
import json
import os
import zipfile
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, ClassVar

from edgebench import __version__, devices, formats, untrusted
from edgebench.analysis import executed as counting
from edgebench.analysis.cost import Cost
from edgebench.analysis.executed import Executed
from edgebench.api._models import Runtime, runnable, served
from edgebench.api.counting import count
from edgebench.api.emulating import emulable, refuse_unfit
from edgebench.api.listing import backend
from edgebench.board import regions
from edgebench.board.executing import Marked
from edgebench.board.wire import STRICT
from edgebench.devices.records import Device
from edgebench.errors import LostTrialError, UsageError
from edgebench.formats import ConversionFailed
from edgebench.judge import executed as judging
from edgebench.judge.executed import Difference
from edgebench.measure import wheels
from edgebench.standin import emulator, rootfs, tree
from edgebench.standin.counter import plugin
from edgebench.standin.counter.regions import Region, merged
from edgebench.standin.counter.running import Counter, Guest
from edgebench.standin.counter.running import count as run_counted
from edgebench.standin.counter.tally import tally
from edgebench.standin.kept import draft
from edgebench.standin.rootfs import Root
from edgebench.store.executed import read

Say = Callable[[str], None]

_LIMIT_S = 4 * 3600  # VGG-16 takes minutes a call
_MACHINE = "aarch64"
_COMPILED = "compiled"
_SETTING = {  # what would make one run differ from the next, or a runtime spin
    "PYTHONHASHSEED": "0",
    "OMP_NUM_THREADS": "1",
    "MALLOC_ARENA_MAX": "1",
    "LC_ALL": "C.UTF-8",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What is to be counted: a model in runtimes on a kind of board.

    `packages` are requirements such as `onnxruntime==1.22.0` in place of this machine's versions; `by_layer` counts one
    more inference, layer by layer; `repeats` further ones show whether the runtime does the same each time.
    """

    model: str
    device: str
    backends: tuple[str, ...]
    batch: int = 1
    inputs: tuple[str, ...] = ()
    weights: Path | None = None
    precision: str = "fp32"
    packages: tuple[str, ...] = ()
    by_layer: bool = False
    repeats: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Execution:
    """Counted inferences of one model; why lanes and mult-adds differ in each, and why others failed, by backend."""

    found: tuple[Executed, ...]
    explanations: dict[str, tuple[str, ...]]
    lost: dict[str, str]


def executed(wanted: Wanted, say: Say) -> Execution:
    """Return what one steady inference executes on an emulated core, in each of the runtimes.

    A runtime that fails is among the lost; others go on. Raise UsageError for what cannot be counted or emulated here.
    """
    device = devices.find(wanted.device)
    cpu = emulable(device)
    (name,) = runnable((wanted.model,), wanted.inputs, wanted.weights, (wanted.batch,))
    runtimes: list[Runtime] = [(one, ()) for one in dict.fromkeys(wanted.backends)]
    chosen = served(name, runtimes, asked=True)
    for one, _ in chosen:
        _check(one, wanted.precision)
    _check_packages(wheels.requirements(one for one, _ in chosen), wanted.packages)
    cost = count(name, wanted.batch).cost
    folder = standins()
    root = rootfs.prepared(folder, say)
    counter = Counter(
        emulator=tuple(emulator.command(emulator.PLUGINS, folder, say)), cpu=cpu, plugin=plugin.compiled(folder)
    )
    bench = _Bench(wanted=wanted, model=name, device=device, cost=cost, root=root, counter=counter)
    found, lost = [], {}
    for one, _ in chosen:
        try:
            found.append(_counted(bench, one, say))
        except LostTrialError as error:
            lost[one] = str(error)
    explanations = {one.backend: counting.explanations(one, cost) for one in found}
    return Execution(found=tuple(found), explanations=explanations, lost=lost)


def compare_executed(before: Path, after: Path) -> tuple[Difference, ...]:
    """Return what differs between two files of counts; raise UsageError when they do not belong together."""
    return judging.compare(read(before), read(after))


def standins() -> Path:
    """Return the folder of the cache that holds emulators, roots and packages for them."""
    return formats.cache_folder() / "standins"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Bench:
    """All that the backends of one request share."""

    wanted: Wanted
    model: str
    device: Device
    cost: Cost
    root: Root
    counter: Counter


@dataclass(frozen=True, slots=True, kw_only=True)
class _Failed:
    """Why a program could not count."""

    __pydantic_config__: ClassVar[Any] = STRICT

    failed: str


def _check(name: str, precision: str) -> None:
    state = backend(name)
    if state.format is None:
        raise UsageError(f"{name} loads no model, so there is nothing to count: expected a runtime.")
    if precision not in state.precisions:
        raise UsageError(f"{name} has no precision {precision}: expected {', '.join(state.precisions)}.")
    refuse_unfit(name)


def _check_packages(needed: Iterable[str], asked: Iterable[str]) -> None:
    names = [wheels.name_of(one) for one in needed]
    for one in asked:
        name, equals, version = one.partition("==")
        if name not in names or not equals or not version:
            raise UsageError(
                f"--wheel {one} names no version of {', '.join(names)}: expected one of them, as NAME==VERSION."
            )


def _counted(bench: _Bench, name: str, say: Say) -> Executed:
    wanted = bench.wanted
    trial = _trial(bench, name, say)
    packages = _packages(bench.root, name, wanted.packages, say)
    clocked = wanted.by_layer and regions.clocked(name)
    say(f"counting {bench.model} in {name} on an emulated {bench.counter.cpu}")
    with TemporaryDirectory(prefix="edgebench-") as scratch:
        folder = Path(scratch)
        tree.write(bench.device, folder / "own")
        run = partial(
            run_counted,
            bench.counter,
            _guest(bench.root, packages, folder),
            given=json.dumps(trial).encode() + b"\n",
            clocked=clocked,
            limit_s=_LIMIT_S,
        )
        before = _compiled()
        ended = run()
        answer = _answer(name, ended.output)
        if _compiled() != before:
            # A Python that compiles what it imports goes on with another heap: some instructions of its own differ.
            say("counting again, as Python had to compile first")
            ended = run()
            answer = _answer(name, ended.output)
    return _record(bench, name, answer, ended.regions, clocked=clocked)


def _compiled() -> frozenset[tuple[Path, int]]:
    """Return the files that the emulated Python has compiled so far, and when."""
    return frozenset((path, path.stat().st_mtime_ns) for path in (standins() / _COMPILED).rglob("*.pyc"))


def _guest(root: Root, packages: Path, folder: Path) -> Guest:
    """Return the program that runs one inference; what Python compiles is kept, an import takes seconds otherwise."""
    variables = {
        **_SETTING,
        "PYTHONHOME": str(root.path / "usr"),
        "PYTHONPATH": os.pathsep.join([str(_library()), str(packages)]),
        "PYTHONPYCACHEPREFIX": str(standins() / _COMPILED),
    }
    words = (root.python, "-s", "-S", "-P", "-m", "edgebench.board.executing")
    return Guest(root=root.path, words=words, variables=variables, own=folder / "own")


def _library() -> Path:
    """Return a folder with the board's side of edgebench and nothing else of it, always the same for this copy."""
    board = Path(regions.__file__).absolute().parents[1]
    target = standins() / f"library-{hashlib.sha256(str(board).encode()).hexdigest()[:12]}"
    if not target.exists():
        with draft(target) as made:
            (made / "edgebench").mkdir()
            (made / "edgebench" / "board").symlink_to(board)
    return target


def _trial(bench: _Bench, name: str, say: Say) -> dict[str, Any]:
    """Return what is asked of the program: paths are this machine's, which the emulated program sees."""
    wanted, state = bench.wanted, backend(name)
    form = state.formats.get(wanted.precision, state.format)
    assert form is not None, "_check refused it"
    if not formats.cached(bench.model, form, batch=wanted.batch):
        say(f"converting {bench.model} to {form}")
    try:
        origin = formats.source(bench.model, batch=wanted.batch)
        artefact = formats.convert(origin, form)
    except ConversionFailed as failed:
        raise LostTrialError(f"{bench.model} did not become a file for {name}: {failed}.") from failed
    return {
        "backend": name,
        "options": {},
        "precision": wanted.precision,
        "threads": 1,  # more would wait for each other in loops that are counted too
        "cpus": sorted(os.sched_getaffinity(0)),
        "artefact": str(artefact.path.absolute()),
        "inputs": str(origin.inputs.absolute()),
        "reference": str(origin.reference.absolute()),
        "regions": 1 + wanted.repeats,
        "by_layer": wanted.by_layer,
    }


def _packages(root: Root, name: str, asked: Sequence[str], say: Say) -> Path:
    """Return a folder with the packages that a backend needs in a root, fetched if they are not there."""
    needed = requirements(wheels.requirements((name,)), asked)
    version = tuple(int(part) for part in root.python_version.split(".")[:2])
    key = hashlib.sha256(json.dumps([needed, version, root.glibc]).encode()).hexdigest()[:12]
    target = standins() / f"packages-{name}-{key}"
    if not target.exists():
        say(f"fetching {', '.join(needed)} for {_MACHINE}")
        with draft(target) as made, TemporaryDirectory(prefix="edgebench-") as scratch:
            tags = wheels.platforms(_MACHINE, root.glibc)
            found = wheels.fetch(needed, (version[0], version[1]), tags, Path(scratch))
            _refuse_others(found, asked)
            for path in found:
                with zipfile.ZipFile(path) as wheel:
                    wheel.extractall(made)
    return target


def requirements(usual: Iterable[str], asked: Iterable[str]) -> tuple[str, ...]:
    """Return the usual requirements with those that are asked for in their place.

    >>> requirements(["numpy==2.4.6", "onnxruntime==1.31.1"], ["onnxruntime==1.22.0"])
    ('numpy==2.4.6', 'onnxruntime==1.22.0')
    """
    own = {wheels.name_of(one): one for one in asked}
    return tuple(own.get(wheels.name_of(one), one) for one in usual)


def _refuse_others(found: Iterable[Path], asked: Iterable[str]) -> None:
    """Raise UsageError when a package came in another version than was asked for: it does not exist for that Python."""
    versions = {path.name.split("-")[0].replace("_", "-").lower(): path.name.split("-")[1] for path in found}
    for one in asked:
        name, _, version = one.partition("==")
        got = versions.get(name.replace("_", "-").lower())
        if version and got is not None and got != version:
            raise UsageError(f"{one} has no wheel for the emulated board's Python and glibc: {got} is one that has.")


def _answer(name: str, output: bytes) -> Marked:
    """Return what the program answered; raise LostTrialError with its reason when it failed."""
    from pydantic import ValidationError

    try:
        answer: Marked | _Failed = untrusted.validator(Marked | _Failed).validate_json(output)
    except ValidationError:
        raise LostTrialError(f"{name} ended without an answer on the emulated board.") from None
    if isinstance(answer, _Failed):
        raise LostTrialError(f"{name} failed on the emulated board: {answer.failed}.")
    return answer


def _record(bench: _Bench, name: str, answer: Marked, found: Sequence[Region], *, clocked: bool) -> Executed:
    wanted = bench.wanted
    plain = [merged(region) for region in found[: 1 + wanted.repeats]]
    if len(plain) != 1 + wanted.repeats:
        raise LostTrialError(f"{name} marked {len(found)} regions: expected {1 + wanted.repeats}.")
    kinds = None
    if answer.layers is not None:
        kinds = counting.by_kind(answer.layers, found[-1], clocked=clocked)
    return Executed(
        model=bench.model,
        batch=wanted.batch,
        device=bench.device.name,
        cpu=bench.counter.cpu,
        backend=name,
        runtime_version=answer.runtime_version,
        precision=wanted.precision,
        parity_max_abs_diff=answer.parity.max_abs_diff,
        parity_scale=answer.parity.scale,
        mult_adds=bench.cost.mult_adds,
        tally=tally(plain[0].words),
        elsewhere=plain[0].elsewhere,
        again=tuple(tally(part.words).total for part in plain[1:]),
        kinds=kinds,
        edgebench_version=__version__,
    )
