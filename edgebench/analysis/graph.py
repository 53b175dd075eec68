"""What a network computes, as records: operations in the order in which they run. Nothing here needs torch."""

from dataclasses import dataclass

FLOAT32_BYTES = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Tensor:
    """What one operation hands to others: an activation, never a weight. One name, one tensor of the graph."""

    name: str
    shape: tuple[int, ...]
    element_bytes: int = FLOAT32_BYTES


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """How a convolution looks at its input; pairs are height, width."""

    kernel: tuple[int, int]
    stride: tuple[int, int]
    groups: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Op:
    """One operation; a layer that is used twice is two of them, and its parameters belong to the first.

    Maps are [batch, channels, height, width]. Weights, biases and the constants that only set an operation up (axes, a
    target shape) are no inputs.
    """

    name: str  # the layer's name in its file; for what is no layer, the name that the reader gave
    kind: str  # what it does ("conv", "relu"); an operation unknown to its reader keeps its own name
    inputs: tuple[Tensor, ...]
    outputs: tuple[Tensor, ...]  # none when what comes out is no tensor but, say, a shape
    window: Window | None = None  # of a convolution
    params: int = 0  # weights; of a batch norm its scales
    bias_params: int = 0  # biases; of a batch norm its shifts
    param_bytes: int = FLOAT32_BYTES  # of one weight, as the file keeps it

    @property
    def input_shapes(self) -> tuple[tuple[int, ...], ...]:
        """The shapes of the inputs."""
        return tuple(tensor.shape for tensor in self.inputs)

    @property
    def output_shape(self) -> tuple[int, ...]:
        """The shape of the first output; empty when there is none."""
        return self.outputs[0].shape if self.outputs else ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Graph:
    """A network: its operations, the inputs first (kind "input", one output each), and the tensors it gives back."""

    ops: tuple[Op, ...]
    outputs: tuple[Tensor, ...]
