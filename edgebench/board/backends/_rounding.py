"""Find out from outputs alone in which precision a runtime keeps its inputs: for runtimes that do not tell.

Inputs that bf16 holds exactly are made larger by ever coarser steps. A step that a runtime rounds away changes no bit
of any output. That shows what inputs and the first layer's arithmetic are lowered to, by storage or by arithmetic;
weights that a file holds in fewer bits do not show.
"""

from typing import TYPE_CHECKING, Any

from edgebench.board.backends import Loaded

if TYPE_CHECKING:
    import numpy as np

    from edgebench.board.backends import Arrays

_BASE_BITS = 4
_LEVELS = 256
_FEWEST_VALUES = 6
_MOST_PARTS = 32  # how many steps the smallest gap between values may be: 10 values have 255 / 9 at most
_NEAR = 1e-2  # fp32 rounds the products of step and number
_STEPS = ((18, "fp32"), (10, "fp16"), (7, "bf16"))
"""A step of 2**-n of the value, and the coarsest type whose rounding leaves it: bf16 has 8 significant bits, fp16 11.

With 4 bits in the value, 2**-18 of it is exact in the 24 of fp32, and large enough to pass a deep network's rounding.
"""


def kept(loaded: Loaded, inputs: "Arrays") -> str:
    """Return the precision that a loaded model keeps of its inputs, "coarser" below bf16, "unknown" without reals.

    The model has these inputs again afterwards, but the outputs of another call.
    """
    base = {name: _rounded(array) for name, array in inputs.items()}
    real = [name for name, array in base.items() if array.dtype.kind == "f"]
    if not real:
        return "unknown"
    reference = _outputs(loaded, base)
    found = "coarser"
    for bits, precision in _STEPS:
        stepped = {name: array * array.dtype.type(1 + 2.0**-bits) for name, array in base.items() if name in real}
        if _differ(reference, _outputs(loaded, {**base, **stepped})):
            found = precision
            break
    loaded.set_inputs(inputs)
    return found


def on_grid(outputs: "list[np.ndarray[Any, Any]]") -> bool:
    """Tell whether each output holds multiples of one step alone, 256 of them at most: numbers of 8 bits.

    So it is where the last operation of a network is quantised; real numbers hardly ever do it by chance.
    """
    import numpy as np

    def stepped(output: "np.ndarray[Any, Any]") -> bool:
        values = np.unique(output.astype(np.float64))
        if not _FEWEST_VALUES <= values.size <= _LEVELS:
            return False
        gaps = np.diff(values)
        for parts in range(1, _MOST_PARTS + 1):
            steps = gaps / gaps.min() * parts
            if steps.sum() < _LEVELS and np.abs(steps - np.round(steps)).max() < _NEAR:
                return True
        return False

    return all(stepped(output) for output in outputs)


def _rounded(array: "np.ndarray[Any, Any]") -> "np.ndarray[Any, Any]":
    """Return real numbers with their first bits alone, others as they are."""
    import numpy as np

    if array.dtype.kind != "f":
        return array
    significand, exponent = np.frexp(array)
    short = np.round(significand * 2**_BASE_BITS) / 2**_BASE_BITS
    return np.asarray(np.ldexp(short, exponent), dtype=array.dtype)


def _outputs(loaded: Loaded, inputs: "Arrays") -> "list[np.ndarray[Any, Any]]":
    loaded.set_inputs(inputs)
    loaded.call()
    return [output.copy() for output in loaded.outputs()]


def _differ(first: "list[np.ndarray[Any, Any]]", second: "list[np.ndarray[Any, Any]]") -> bool:
    return any((one != other).any() for one, other in zip(first, second, strict=True))
