"""The process that builds a network or converts it: one request as JSON on standard input, one answer out."""

import json
import os
import sys
import traceback
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgebench import architectures, plugins

if TYPE_CHECKING:
    import torch


def make_source(model: str, batch: int, seed: int, folder: str) -> None:
    """Write weights.pt, inputs.npz and reference.npz: seeded, calibrated, and run once by torch eager."""
    import torch

    from edgebench.architectures import _weights

    parsed = architectures.parse(model)
    module = architectures.build(parsed)
    inputs = _weights.make_inputs(parsed, seed, batch)
    _weights.calibrate(module, inputs, seed)
    with torch.inference_mode():
        outputs = module(*inputs.values())
    outputs = outputs if isinstance(outputs, (tuple, list)) else (outputs,)
    torch.save(module.state_dict(), Path(folder) / "weights.pt")
    _save(Path(folder) / "inputs.npz", inputs)
    _save(Path(folder) / "reference.npz", {f"y{index}": tensor for index, tensor in enumerate(outputs)})


def convert(model: str, format_name: str, weights: str, inputs: str, path: str) -> None:
    """Write a network with given weights in a format."""
    import numpy as np
    import torch

    with torch.device("meta"):
        module = architectures.build(architectures.parse(model))
    module.load_state_dict(torch.load(weights, mmap=True, weights_only=True), assign=True)
    with np.load(inputs, allow_pickle=False) as stored:
        tensors = {name: torch.from_numpy(stored[name]) for name in stored.files}
    plugins.load("formats", format_name).convert(module.eval(), tensors, Path(path))


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
    own = f"{type(error).__name__}: {lines[0].strip()}"
    return own if error.__cause__ is None else f"{own}; because of {reason(error.__cause__)}"


def main() -> int:
    """Do what standard input asks for; a failure of the network or converter is the answer, not a crash."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what a converter prints must not be taken for the answer
    request: dict[str, Any] = json.loads(sys.stdin.buffer.read())
    failed = None
    try:
        if request.pop("do") == "source":
            make_source(**request)
        else:
            convert(format_name=request.pop("format"), **request)
    except Exception as error:  # noqa: BLE001 - here a conversion is isolated: the reason becomes the row's
        traceback.print_exception(error)
        failed = reason(error)
    answers.write(json.dumps({"failed": failed}))
    answers.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
