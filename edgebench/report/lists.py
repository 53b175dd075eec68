"""Tables of what is known: counts, devices, models, backends, suites."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from rich.table import Table

from edgebench import units
from edgebench.analysis import convention
from edgebench.analysis.convention import Convention
from edgebench.analysis.cost import Cost, Memory
from edgebench.analysis.kinds import by_kind
from edgebench.architectures import Description
from edgebench.board.peak import Figure
from edgebench.devices.records import Device, Unit
from edgebench.errors import UsageError
from edgebench.report.terminal import add_row, plain_table
from edgebench.store.calibration import Calibration, latest_probe


def counting(model: str, batch: int, cost: Cost, counted_as: Convention) -> Iterator[str]:
    """Yield what a model costs on paper, a line a figure; under another convention than ours its figures come last."""
    yield f"{model}, batch {batch}"
    yield _line("mult-adds", cost.mult_adds, units.count(cost.mult_adds))
    yield _line("weights", cost.params, units.count(cost.params))
    yield _line("biases", cost.bias_params)
    yield _line("batch norm", cost.bn_params)
    if cost.memory is not None and cost.intensity is not None:
        yield from _memory(cost.memory)
        yield f"{'intensity':<13}{units.digits(cost.intensity):>14}  mult-adds a byte of weights and activations"
    words = convention.words(counted_as)
    if words:
        figures = convention.figures(cost, counted_as)
        yield f"Convention {', '.join(words)}:"
        yield _line("operations", figures.operations, units.count(figures.operations))
        yield _line("parameters", figures.params, units.count(figures.params))


def _memory(memory: Memory) -> Iterator[str]:
    at_precisions, peak, apart = memory.weight_bytes, memory.peak, memory.peak_out_of_place
    smaller = f"fp16 {units.size(at_precisions.fp16)}, int8 {units.size(at_precisions.int8)}"
    yield _line("weight bytes", at_precisions.fp32, f"{units.size(at_precisions.fp32)} in fp32; {smaller}")
    read, written = memory.activation_read_bytes, memory.activation_written_bytes
    yield _line("bytes read", read, f"{units.size(read)} of activations")
    yield _line("bytes written", written, f"{units.size(written)} of activations")
    yield _line(
        "peak bytes", peak.activation_bytes, f"{units.size(peak.activation_bytes)} of activations alive at once"
    )
    yield f"reached in {' ' * 16}  {peak.op}"
    if apart.activation_bytes != peak.activation_bytes:
        yield _line(
            "out of place",
            apart.activation_bytes,
            f"{units.size(apart.activation_bytes)} if nothing were written in place",
        )


def _line(name: str, exact: int, rounded: str = "") -> str:
    return f"{name:<13}{exact:>14,}" + (f"  ({rounded})" if rounded else "")


def layers(cost: Cost) -> Table:
    """Return a table of the layers in order of execution."""
    table = plain_table(None, "layer", "kind!", "channels>", "output>", "mult-adds>", "share>", "weights>")
    for layer in cost.layers:
        add_row(
            table,
            layer.name,
            layer.kind,
            f"{layer.in_channels}>{layer.out_channels}",
            f"{layer.out_h}x{layer.out_w}",
            f"{layer.mult_adds:,}",
            f"{layer.mult_adds / cost.mult_adds:.1%}",
            units.count(layer.params),
        )
    return table


def operations(memory: Memory) -> Table:
    """Return a table of the bytes that each operation keeps and moves; what runs inside another moves none."""
    table = plain_table(
        "What each operation keeps and moves", "operation", "kind!", "weights>", "read>", "written>", "mult-adds/B>"
    )
    for op in memory.ops:
        moved = op.weight_bytes + op.activation_read_bytes + op.activation_written_bytes
        if moved:
            add_row(
                table,
                op.name,
                op.kind,
                units.size(op.weight_bytes) if op.weight_bytes else "-",
                units.size(op.activation_read_bytes),
                units.size(op.activation_written_bytes),
                units.digits(op.mult_adds / moved) if op.mult_adds else "-",
            )
    return table


def kinds(cost: Cost) -> Table:
    """Return a table of the kinds with their shares of mult-adds and weights, and the bytes of activations moved."""
    table = plain_table(None, "kind!", "number>", "mult-adds>", "share>", "weights>", "share>", "moved>")
    for kind in by_kind(cost):
        read, written = kind.activation_read_bytes, kind.activation_written_bytes
        add_row(
            table,
            kind.kind,
            str(kind.layers),
            f"{kind.mult_adds:,}",
            _share(kind.mult_adds, cost.mult_adds),
            f"{kind.params:,}",
            _share(kind.params, cost.params),
            "-" if read is None or written is None else units.size(read + written),
        )
    return table


def _share(part: int, whole: int) -> str:
    return f"{part / whole:.2%}" if whole else "-"  # an identity has no mult-adds at all


def conventions(cost: Cost) -> Table:
    """Return a table of a model's figures under each word of a convention, so that a printed figure finds its own."""
    table = plain_table(None, "convention!", "operations>", "parameters>", "who counts so")
    for name, word in convention.WORDS.items():
        try:
            figures = convention.figures(cost, convention.parse([name]))
        except UsageError:  # no classifier to leave out
            add_row(table, name, "-", "-", word.users)
        else:
            add_row(table, name, f"{figures.operations:,}", f"{figures.params:,}", word.users)
    return table


def devices(kinds_of_boards: Iterable[Device]) -> Table:
    """Return a table of kinds of boards."""
    table = plain_table(None, "device!", "what it is", "core", "backends", "status")
    for kind in kinds_of_boards:
        add_row(table, kind.name, kind.title, kind.cpu.core or "-", ", ".join(kind.run.backends), kind.status)
    return table


def boards(units_of_user: Iterable[Unit]) -> Table:
    """Return a table of the units of boards.toml."""
    table = plain_table("Your units (boards.toml)", "unit!", "device", "host")
    for one in units_of_user:
        add_row(table, one.name, one.device, one.host or "this machine")
    return table


def facts(found: Mapping[str, Any]) -> Table:
    """Return a table of what a board says of itself; what it does not say is a dash."""
    table = plain_table(None, "fact!", "found")
    for name, value in found.items():
        if name.endswith("_bytes"):
            text = units.size(value)
        else:
            text = ", ".join(str(part) for part in value) if isinstance(value, list) else value
        add_row(table, name.removesuffix("_bytes"), "-" if text in (None, "") else str(text))
    return table


YOURS = (
    "Your own models are counted and measured in place of these:",
    "  path/to/model.onnx               as it is; --input 1x3x224x224 sets open axes",
    "  path/to/model.tflite             as it is, by litert",
    "  python:package.module:factory    what the function returns, a torch.nn.Module",
    "With --weights FILE a network takes a state dictionary, such as torchvision's.",
)
"""What `list models` says of users' models."""


def models(found: Iterable[Description]) -> Table:
    """Return a table of architectures with their parameters and defaults."""
    table = plain_table(None, "architecture!", "what it is", "parameters (with their defaults)")
    for one in found:
        kinds = "\n".join(f"{kind}: {_pairs(values)}" if values else kind for kind, values in one.kinds.items())
        add_row(table, one.name, f"{one.title}: {one.paper}", kinds or _pairs(one.parameters) or "none")
    return table


def _pairs(values: Mapping[str, str]) -> str:
    return ", ".join(f"{key}={value}" for key, value in values.items())


def backends(found: Iterable[Any]) -> Table:
    """Return a table of runtimes (`edgebench.api.BackendState`)."""
    table = plain_table(None, "backend!", "format", "precisions", "options", "installed", "how to get it, what to know")
    for one in found:
        installed = "no" if one.version is None else one.version or "yes"
        add_row(
            table,
            one.name,
            one.format or "-",
            ", ".join(one.precisions),
            ", ".join(one.options) or "-",
            installed,
            "\n".join(filter(None, (f"extra {one.extra}" if one.extra else one.get_it, one.status))) or "-",
        )
    return table


def calibration(found: Calibration) -> Table:
    """Return a table of the newest probe of a unit; empty when it was never probed."""
    table = plain_table(
        f"Peaks of {found.unit}: median of the repetitions [lowest, highest]", "what", "one core>", "all>"
    )
    newest = latest_probe(found)
    if newest is None:
        return table
    peak = newest.peak
    for name, rate in (
        ("matrix product, mult-adds/s", peak.gemm_mult_adds_per_s),
        ("memory copy, B/s", peak.copy_bytes_per_s),
        ("memory add, B/s", peak.add_bytes_per_s),
    ):
        add_row(table, name, *(_figure(figure) for figure in (rate.one_core, rate.all_cores)))
    add_row(table, "BLAS", f"{peak.blas} {peak.blas_core or ''}".strip(), "")
    return table


def _figure(figure: Figure) -> str:
    return f"{units.count(figure.median)} [{units.count(figure.lowest)}, {units.count(figure.highest)}]"


def suites(found: Mapping[str, Any]) -> Table:
    """Return a table of suites (`edgebench.api.Suite`) by name."""
    table = plain_table(None, "suite!", "what it is", "models")
    for name, suite in found.items():
        add_row(table, name, suite.title, "\n".join(suite.models))
    return table
