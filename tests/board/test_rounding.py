"""What a runtime rounds its inputs to is found from its outputs."""

from typing import TYPE_CHECKING

import numpy as np
import pytest

from edgebench.board.backends import Found, _rounding

if TYPE_CHECKING:
    from edgebench.board.backends import Arrays


class Product:
    """A matrix product whose inputs lose their last bits: what fp16 (11 bits) and bf16 (8) leave of 24."""

    def __init__(self, bits: int) -> None:
        self._bits = bits
        self._weights = np.random.default_rng(0).standard_normal((64, 10), dtype=np.float32)
        self.inputs: Arrays = {}
        self._outputs = np.zeros(10, np.float32)

    def set_inputs(self, inputs: "Arrays") -> None:
        """Take the inputs."""
        self.inputs = inputs

    def call(self) -> None:
        """Round and multiply."""
        significand, exponent = np.frexp(self.inputs["x"].astype(np.float64))
        rounded = np.ldexp(np.round(significand * 2**self._bits) / 2**self._bits, exponent)
        self._outputs = rounded.astype(np.float32) @ self._weights

    def outputs(self) -> "list[np.ndarray[tuple[int, ...], np.dtype[np.float32]]]":
        """Return the product."""
        return [self._outputs]

    def found(self) -> Found:
        """Return nothing that a test looks at."""
        return Found(precision="", provider="")


@pytest.mark.parametrize(
    ("bits", "precision"), [(24, "fp32"), (19, "fp32"), (11, "fp16"), (8, "bf16"), (6, "coarser"), (4, "coarser")]
)
def test_the_bits_that_are_kept_name_the_precision(bits: int, precision: str) -> None:
    """24 significant bits are fp32, 11 (tf32's too) fp16, 8 bf16; the model has its own inputs again afterwards."""
    x = np.random.default_rng(1).standard_normal((3, 64), dtype=np.float32)
    model = Product(bits)
    assert _rounding.kept(model, {"x": x}) == precision
    assert model.inputs["x"] is x


def test_numbers_of_8_bits_lie_on_a_grid() -> None:
    """Real outputs do not, however few; quantised ones do, with any step and zero point."""
    for seed in range(100):
        numbers = np.random.default_rng(seed).standard_normal((1, 10), dtype=np.float32)
        step = np.float32(np.ptp(numbers) / 250)
        quantised = np.round(numbers / step) * step
        assert _rounding.on_grid([quantised])
        assert _rounding.on_grid([quantised, quantised + np.float32(3) * step])
        assert not _rounding.on_grid([quantised, numbers])
    assert not _rounding.on_grid([np.zeros((1, 10), np.float32)])


def test_whole_numbers_tell_nothing() -> None:
    """Without an input of real numbers the precision is not known."""
    assert _rounding.kept(Product(24), {"x": np.ones((3, 64), np.int64)}) == "unknown"
