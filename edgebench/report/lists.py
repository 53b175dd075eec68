"""Tables of what is known: counts, devices, models, backends, suites."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from rich.table import Table

from edgebench import units
from edgebench.analysis import cost as costs
from edgebench.analysis.cost import Cost
from edgebench.architectures import Description
from edgebench.board.peak import Figure
from edgebench.devices.records import Device
from edgebench.report.terminal import add_row, plain_table
from edgebench.store.calibration import Calibration, latest_probe


def counting(model: str, batch: int, cost: Cost) -> Iterator[str]:
    """Yield what a model costs on paper, a line a figure."""
    yield f"{model}, batch {batch}"
    yield f"mult-adds   {cost.mult_adds:>15,}  ({units.count(cost.mult_adds)})"
    yield f"weights     {cost.params:>15,}  ({units.count(cost.params)})"
    yield f"biases      {cost.bias_params:>15,}"
    yield f"batch norm  {cost.bn_params:>15,}"


def layers(cost: Cost) -> Table:
    """Return a table of the layers in order of execution."""
    table = plain_table(None, "layer", "kind", "channels>", "output>", "mult-adds>", "share>", "weights>")
    for layer in cost.layers:
        add_row(
            table,
            layer.name,
            layer.kind,
            f"{layer.in_channels} > {layer.out_channels}",
            f"{layer.out_h}x{layer.out_w}",
            f"{layer.mult_adds:,}",
            f"{layer.mult_adds / cost.mult_adds:.2%}",
            f"{layer.params:,}",
        )
    return table


def kinds(cost: Cost) -> Table:
    """Return a table of the kinds of layers with their shares of mult-adds and weights."""
    table = plain_table(None, "kind", "layers>", "mult-adds>", "share>", "weights>", "share>")
    for kind in costs.by_kind(cost):
        add_row(
            table,
            kind.kind,
            str(kind.layers),
            f"{kind.mult_adds:,}",
            f"{kind.mult_adds / cost.mult_adds:.2%}",
            f"{kind.params:,}",
            f"{kind.params / cost.params:.2%}",
        )
    return table


def devices(kinds_of_boards: Iterable[Device]) -> Table:
    """Return a table of kinds of boards."""
    table = plain_table(None, "device!", "what it is", "core", "backends", "status")
    for kind in kinds_of_boards:
        add_row(table, kind.name, kind.title, kind.cpu.core or "-", ", ".join(kind.run.backends), kind.status)
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


def models(found: Iterable[Description]) -> Table:
    """Return a table of architectures with their parameters and defaults."""
    table = plain_table(None, "architecture!", "what it is", "parameters (with their defaults)")
    for one in found:
        parameters = ", ".join(f"{key}={value}" for key, value in one.parameters.items())
        add_row(table, one.name, f"{one.title}: {one.paper}", parameters or "none")
    return table


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
            "\n".join(filter(None, (one.get_it, one.status))) or "-",
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
