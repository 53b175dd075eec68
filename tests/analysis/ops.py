"""Make graphs by hand."""

from typing import Any

from edgebench.analysis.graph import Graph, Op, Tensor, Window


def tensor(name: str, *shape: int) -> Tensor:
    """Make a tensor of four channels and two by two pixels, or of another shape."""
    return Tensor(name=name, shape=shape or (1, 4, 2, 2))


def op(kind: str, *inputs: str, gives: str = "", **facts: Any) -> Op:
    """Make an operation that reads tensors by name and gives one, named as itself when no name is given."""
    return Op(
        name=facts.pop("name", kind),
        kind=kind,
        inputs=tuple(tensor(name) for name in inputs),
        outputs=(tensor(gives or kind),),
        **facts,
    )


def graph(*ops: Op) -> Graph:
    """Make a graph of operations; it gives back what the last one gives."""
    return Graph(ops=ops, outputs=ops[-1].outputs)


CONV: dict[str, Any] = {"window": Window(kernel=(1, 1), stride=(1, 1), groups=1), "params": 16}
