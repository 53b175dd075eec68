"""The process that builds a network or converts it: one request as JSON on standard input, one answer out."""

import json
import os
import sys
import traceback
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil

from edgebench import architectures, plugins
from edgebench.errors import UsageError
from edgebench.formats import _calibration, _users
from edgebench.formats._filegraph import shown
from edgebench.formats._limits import hold, hold_data
from edgebench.formats._names import format_parts, module_of

if TYPE_CHECKING:
    import torch


def make_source(model: str, batch: int, seed: int, folder: str) -> None:
    """Write weights.pt, inputs.npz and reference.npz: seeded, calibrated, and run once by torch eager.

    Weights that a user gives, and those of a user's own function, are taken as they are. Of a user's file there are no
    weights apart: its reference is what `edgebench.formats._reference` computes.
    """
    parsed = architectures.parse(model)
    if architectures.is_file(parsed):
        from edgebench.formats import _reference

        _reference.make(parsed, batch, seed, Path(folder))
        return
    import torch

    from edgebench.architectures import _weights

    torch.manual_seed(seed)  # a user's function draws its own weights
    module = architectures.build(parsed)
    inputs = _weights.make_inputs(parsed, seed, batch)
    if parsed.weights is not None:
        module.load_state_dict(_state(_users.weights_file(parsed)))
    elif parsed.architecture != "python":
        _weights.calibrate(module, inputs, seed)
        architectures.finish(parsed, module, seed)
    with torch.inference_mode():
        outputs = module(*inputs.values())
    outputs = outputs if isinstance(outputs, (tuple, list)) else (outputs,)
    torch.save(module.state_dict(), Path(folder) / "weights.pt")
    _save(Path(folder) / "inputs.npz", inputs)
    _save(Path(folder) / "reference.npz", {f"y{index}": tensor for index, tensor in enumerate(outputs)})


def check_weights(model: str, path: str, limit_bytes: int) -> None:
    """Raise UsageError when a file is no state dictionary of a network, key by key and shape by shape."""
    import torch

    hold(limit_bytes)
    with torch.device("meta"):
        module = architectures.build(architectures.parse(model))
    wanted = {key: tuple(tensor.shape) for key, tensor in module.state_dict().items()}
    found = {key: tuple(tensor.shape) for key, tensor in _state(Path(path)).items()}
    for what, keys in (("lacks", wanted.keys() - found), ("holds", found.keys() - wanted)):
        if keys:
            kind = "" if what == "lacks" else ", which the network does not have"
            others = f" and {len(keys) - 1} more" if len(keys) > 1 else ""
            raise UsageError(f"it {what} {shown(min(keys))}{others}{kind}")
    for key, shape in wanted.items():
        if found[key] != shape:
            raise UsageError(f"its {key} has the shape {list(found[key])}, expected {list(shape)}")


def _state(path: Path) -> "dict[str, torch.Tensor]":
    """Return a state dictionary; raise UsageError for a file that is none. No code of the file runs."""
    import pickle  # noqa: TID251 - only to name the error that torch raises

    import torch

    try:
        found = torch.load(path, map_location="cpu", weights_only=True)
    except (pickle.UnpicklingError, RuntimeError, ValueError, EOFError, KeyError, TypeError, AttributeError) as error:
        raise UsageError("torch reads no plain tensors from it") from error
    if not isinstance(found, dict) or not found or not all(isinstance(one, torch.Tensor) for one in found.values()):
        held = f": it holds {', '.join(shown(key) for key in list(found)[:5])}" if isinstance(found, dict) else ""
        raise UsageError(f"it is no dictionary of tensors alone{held}")
    return {str(key): tensor for key, tensor in found.items()}


def convert(model: str, format_name: str, weights: str, inputs: str, path: str, calibration: str | None = None) -> None:
    """Write a network with given weights in a format; `calibration` are images for one that is calibrated."""
    import numpy as np
    import torch

    parsed = architectures.parse(model)
    # A user's function may make tensors that are in no state dictionary: those would have no values on meta.
    with torch.device("cpu" if parsed.architecture == "python" else "meta"):
        module = architectures.build(parsed)
    module.load_state_dict(torch.load(weights, mmap=True, weights_only=True), assign=True)
    with np.load(inputs, allow_pickle=False) as stored:
        tensors = {name: torch.from_numpy(stored[name]) for name in stored.files}
    kind, threads = format_parts(format_name)
    more: dict[str, Any] = _samples(kind, {key: tensor.numpy() for key, tensor in tensors.items()}, calibration)
    if threads is not None:
        more["threads"] = threads
    plugins.load("formats", kind).convert(module.eval(), tensors, Path(path), **more)


def convert_file(
    format_name: str, source: str, inputs: str, outputs: str, path: str, calibration: str | None = None
) -> None:
    """Write a network's file in another format; inputs and outputs are those it has and gives."""
    import numpy as np

    with np.load(inputs, allow_pickle=False) as stored, np.load(outputs, allow_pickle=False) as expected:
        given = {name: stored[name] for name in stored.files}
        plugins.load("formats", format_name).convert_file(
            Path(source),
            given,
            [expected[name] for name in expected.files],
            Path(path),
            **_samples(format_name, given, calibration),
        )


def _samples(format_name: str, inputs: dict[str, Any], calibration: str | None) -> dict[str, list[dict[str, Any]]]:
    """Return what a format is calibrated on as an argument: a user's images or drawn samples; none of other formats."""
    if not getattr(plugins.load("formats", format_name), "CALIBRATES", False):
        return {}
    if calibration is None:
        return {"samples": _calibration.drawn(inputs)}
    return {"samples": _calibration.of_images(Path(calibration), inputs)}


def _versions(format_name: str) -> dict[str, str]:
    """Return the versions of the packages that a conversion needs."""
    module = module_of(format_name)
    converter = getattr(module, "CONVERTER", None)
    return {name: version(name) for name in (*module.DISTRIBUTIONS, converter) if name is not None}


def _save(path: Path, tensors: "dict[str, torch.Tensor]") -> None:
    import numpy as np

    arrays: dict[str, Any] = {name: tensor.numpy() for name, tensor in tensors.items()}
    np.savez(path, **arrays)


def reason(error: BaseException) -> str:
    """Return the first line of what an error says, and of what its causes say; the rest goes to standard error.

    >>> reason(ValueError("no such operation\\n\\nNext steps: ..."))
    'ValueError: no such operation'
    """
    lines = str(error).strip().splitlines() or ["no message"]
    if isinstance(error, UsageError):  # a sentence of our own
        return lines[0].strip().rstrip(".")
    own = f"{type(error).__name__}: {lines[0].strip()}"
    return own if error.__cause__ is None else f"{own}; because of {reason(error.__cause__)}"


def main() -> int:
    """Do what standard input asks for; a failure of the network or converter is the answer, not a crash."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what a converter prints must not be taken for the answer
    request: dict[str, Any] = json.loads(sys.stdin.buffer.read())
    failed, versions = None, dict[str, str]()
    do, where = request.pop("do"), request.pop("where")
    if where not in sys.path:
        sys.path.append(where)  # of a user's own function, if the model is one; last, it shadows nothing
    try:
        if do == "source":
            make_source(**request)
        elif do == "check":
            check_weights(**request)
        else:
            hold_data(psutil.virtual_memory().available)
            request["format_name"] = request.pop("format")
            act = convert if do == "convert" else convert_file
            act(**request)
            versions = _versions(request["format_name"])
    except Exception as error:  # noqa: BLE001 - here a conversion is isolated: the reason becomes the row's
        traceback.print_exception(error)
        failed = reason(error)
    answers.write(json.dumps({"failed": failed, "versions": versions}))
    answers.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
