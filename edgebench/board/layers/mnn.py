"""MNN: it calls a function of ours before and after each operation, which reads the clock."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgebench.board import clock
from edgebench.board.backends import Settings, mnn
from edgebench.board.layering import spent, warmed
from edgebench.board.layers import Timed
from edgebench.board.marks import Marks
from edgebench.board.regions.mnn import Seen
from edgebench.board.wire import LayerTimes

if TYPE_CHECKING:
    from edgebench.board.backends import Arrays


def by_layer(artefact: Path, inputs: "Arrays", settings: Settings) -> Timed:
    """Call a session plainly and with functions between its operations in turns."""
    session = mnn.load(artefact, settings)
    session.set_inputs(inputs)
    calls = warmed(session.call)
    seen = Seen(Marks())
    session.call_between(seen.before, seen.after)
    whole_ns, spans = [], []
    for _ in range(calls):
        whole_ns.append(spent(session.call))
        watch = _Watch()
        session.call_between(watch.before, watch.after)
        spans.append(watch.spans)
    return Timed(
        whole_ns=tuple(whole_ns),
        layers=tuple(
            LayerTimes(
                name=layer.name,
                operation=layer.operation,
                wall_ns=wall_ns,
                weight=layer.weight,
                in_channels=layer.in_channels,
                positions=layer.positions,
            )
            for layer, wall_ns in zip(seen.layers, zip(*spans, strict=True), strict=True)
        ),
    )


class _Watch:
    """The spans between the functions before and after each operation of one call."""

    def __init__(self) -> None:
        self._began = 0
        self.spans: list[int] = []

    def before(self, tensors: Any, operation: Any) -> bool:
        """Begin a span."""
        self._began = clock.wall_ns()
        return True  # MNN goes on

    def after(self, tensors: Any, operation: Any) -> bool:
        """End it."""
        self.spans.append(clock.wall_ns() - self._began)
        return True
