"""What a network computes, as records: operations in the order in which they run. Nothing here needs torch."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """How a convolution looks at its input; pairs are height, width."""

    kernel: tuple[int, int]
    stride: tuple[int, int]
    groups: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Op:
    """One operation; a layer that is used twice is two of them, and its parameters belong to the first."""

    name: str  # the module's qualified name; for what is not a module, the name that tracing gave
    kind: str  # what it does ("conv", "relu"); an operation unknown to `trace` keeps its own name
    inputs: tuple[int, ...]  # positions in `Graph.ops`
    input_shapes: tuple[tuple[int, ...], ...]
    output_shape: tuple[int, ...]  # empty when the result is not one tensor
    window: Window | None = None
    params: int = 0
    bias_params: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Graph:
    """A network's operations, its inputs first (kind "input")."""

    ops: tuple[Op, ...]
