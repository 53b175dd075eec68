"""PyTorch: an exported program is run node by node, and each node knows the module that it came from."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgebench.board import clock
from edgebench.board.backends import Settings, torch
from edgebench.board.layering import spent, warmed
from edgebench.board.layers import Timed
from edgebench.board.wire import LayerTimes

if TYPE_CHECKING:
    from edgebench.board.backends import Arrays

_CALLS = "call_function"


def by_layer(artefact: Path, inputs: "Arrays", settings: Settings) -> Timed:
    """Call a program whole and node by node in turns, on the CPU: a GPU goes on while Python does."""
    if torch.asked(settings.options) != "cpu":
        raise ValueError("torch is taken apart on the CPU alone")
    program = torch.load(artefact, settings)
    assert isinstance(program, torch.Program), "it is on the CPU"
    program.set_inputs(inputs)
    calls = warmed(program.call)
    walk = _Walk(program.module, program.inputs)
    walk.run()
    whole_ns, spans = [], []
    for _ in range(calls):
        whole_ns.append(spent(program.call))
        spans.append(walk.run())
    return Timed(
        whole_ns=tuple(whole_ns),
        layers=tuple(
            _times(node, shapes, wall_ns)
            for node, shapes, wall_ns in zip(walk.nodes, walk.shapes, zip(*spans, strict=True), strict=True)
        ),
    )


class _Walk:
    """Runs the nodes of a graph one after the other; values live as long as in the program itself."""

    def __init__(self, module: Any, inputs: tuple[Any, ...]) -> None:
        self._module = module
        self._inputs = inputs
        self.nodes = [node for node in module.graph.nodes if node.op == _CALLS]
        self.shapes: list[tuple[tuple[int, ...], ...]] = []
        self._dead: dict[Any, list[Any]] = {}
        last: dict[Any, Any] = {}
        for node in module.graph.nodes:
            last.update(dict.fromkeys(node.all_input_nodes, node))
        for value, user in last.items():
            self._dead.setdefault(user, []).append(value)

    def run(self) -> list[int]:
        """Run all nodes and return the nanoseconds of each operation; the first run notes the shapes."""
        from torch.fx.node import map_arg

        values: dict[Any, Any] = {}
        left: Iterator[Any] = iter(self._inputs)
        spans = []
        noted: list[tuple[tuple[int, ...], ...]] = []
        for node in self._module.graph.nodes:
            if node.op == "placeholder":
                values[node] = next(left)
            elif node.op == "get_attr":
                values[node] = _attribute(self._module, node.target)
            elif node.op == "call_module":  # checks of the inputs' shapes, which are no operation
                _attribute(self._module, node.target)(*map_arg(node.args, values.__getitem__))
            elif node.op == _CALLS:
                arguments = map_arg(node.args, values.__getitem__)
                named = map_arg(node.kwargs, values.__getitem__)
                began = clock.wall_ns()
                values[node] = node.target(*arguments, **named)
                spans.append(clock.wall_ns() - began)
                noted.append(tuple(_shape(one) for one in (values[node], *arguments[:2])))
            for dead in self._dead.get(node, ()):
                values.pop(dead, None)
        self.shapes = noted
        return spans


def _attribute(module: Any, path: str) -> Any:
    for part in path.split("."):
        module = getattr(module, part)
    return module


def _shape(value: Any) -> tuple[int, ...]:
    return tuple(getattr(value, "shape", ()))


def _times(node: Any, shapes: tuple[tuple[int, ...], ...], wall_ns: tuple[int, ...]) -> LayerTimes:
    made, given, weight = (*shapes, (), ())[:3]
    operation = str(node.target).split(".")[-2] if "." in str(node.target) else str(node.target)
    computing = operation in {"conv2d", "linear", "convolution"}
    return LayerTimes(
        name=_module(node) or str(node.name),
        operation=operation,
        wall_ns=wall_ns,
        weight=weight if computing else (),
        in_channels=_channels(given, weight) if computing else None,
        positions=_positions(made) if computing else None,
    )


def _channels(given: tuple[int, ...], weight: tuple[int, ...]) -> int | None:
    return given[1] if len(weight) == 4 and len(given) == 4 else weight[1] if len(weight) == 2 else None


def _positions(made: tuple[int, ...]) -> int:
    """Return how many places of an output share the weights.

    >>> _positions((1, 32, 112, 112)), _positions((1, 1000))
    (12544, 1)
    """
    count = 1
    for side in made[2:] if len(made) == 4 else made[1:-1]:
        count *= side
    return count


def _module(node: Any) -> str | None:
    """Return the path of the module that a node comes from, as in `named_modules`."""
    stack = node.meta.get("nn_module_stack") or {}
    return str(list(stack.values())[-1][0]) or None if stack else None
