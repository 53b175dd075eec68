"""Tables of executed instructions: by kind of instruction, by kind of layer, and what differs between two counts."""

from collections.abc import Sequence

from rich.table import Table

from edgebench import units
from edgebench.analysis.executed import Executed
from edgebench.judge.executed import ALL, Difference, Row
from edgebench.report.terminal import add_row, plain_table
from edgebench.standin.counter.aarch64 import KINDS, Kind

TITLES: dict[Kind, str] = {
    "fma_vector": "multiply-adds, vectors",
    "fma_scalar": "multiply-adds, scalars",
    "dot": "dot products",
    "multiply": "vector multiplications",
    "integer_multiply": "integer vector multiplications",
    "vector": "other vector arithmetic",
    "scalar_float": "other scalar floats",
    "load_vector": "loads, vectors",
    "load": "loads, general registers",
    "store_vector": "stores, vectors",
    "store": "stores, general registers",
    "prefetch": "prefetches",
    "branch": "branches",
    "integer": "integer",
    "other": "system, atomics, other",
    "scalable": "SVE and SME",
}
"""What the kinds of instructions are called for people."""

_LANES = {
    "fused_vector_lanes": "lanes of multiply-adds",
    "fused_scalar_lanes": "scalar multiply-adds",
    "narrow_fused_lanes": "of them below fp32",
    "multiply_lanes": "lanes of multiplications",
    "integer_lanes": "lanes of integer multiplications",
    "dot_lanes": "products in dot products",
}


_TOLERANCE = 1e-3  # of the scale of the outputs: what runtimes that compute in fp32 stay below


def executed(found: Sequence[Executed]) -> Table:
    """Return a table of the instructions of several backends, a column each."""
    first = found[0]
    table = plain_table(
        f"{first.model}, batch {first.batch}: one steady inference on {first.device} ({first.cpu}, emulated), "
        f"{units.count(first.mult_adds)} mult-adds",
        "what was executed",
        *(f"{one.backend}>" for one in found),
    )
    add_row(table, "runtime", *(one.runtime_version for one in found))
    add_row(table, "instructions", *(f"{one.tally.total:,}" for one in found))
    for kind in KINDS:
        if any(one.tally.of(kind) for one in found):
            add_row(table, f"  {TITLES[kind]}", *(f"{one.tally.of(kind):,}" for one in found))
    table.add_section()
    add_row(table, "multiply-add lanes", *(f"{one.tally.multiply_add_lanes:,}" for one in found))
    add_row(table, "lanes per mult-add", *(f"{one.lanes_per_mult_add:.4f}" for one in found))
    add_row(table, "instructions per mult-add", *(f"{one.instructions_per_mult_add:.4f}" for one in found))
    if any(one.tally.narrow_fused_lanes for one in found):
        add_row(table, "lanes below fp32", *(f"{one.tally.narrow_fused_lanes:,}" for one in found))
    add_row(table, "dot products", *("used" if one.tally.dot_lanes else "not used" for one in found))
    if any(one.parity > _TOLERANCE for one in found):
        add_row(table, "outputs differ by", *(f"{one.parity:.1e} of scale" for one in found))
    if any(one.elsewhere for one in found):
        add_row(table, "of other threads", *(f"{one.elsewhere:,}" for one in found))
    if any(one.again for one in found):
        add_row(table, "counted again", *(_again(one) for one in found))
    return table


def _again(found: Executed) -> str:
    if not found.again:
        return "-"
    most = max(abs(total - found.tally.total) for total in found.again)
    return "the same" if not most else f"within {most:,}"


def kinds(found: Executed) -> Table | None:
    """Return a table of what each kind of layer executed; None where the backend's layers cannot be told apart."""
    if found.kinds is None:
        return None
    table = plain_table(
        f"{found.backend}, by kind of layer, in an inference of its own: instructions and lanes, all and per mult-add",
        "kind!",
        "layers>",
        "instructions>",
        "each>",
        "lanes>",
        "each>",
    )
    for one in found.kinds:
        total, lanes = one.tally.total, one.tally.multiply_add_lanes
        known = one.mult_adds is not None and one.mult_adds > 0
        add_row(
            table,
            one.kind,
            str(one.layers) if one.layers else "-",
            f"{total:,}",
            f"{total / one.mult_adds:.4f}" if known and one.mult_adds else "-",
            f"{lanes:,}",
            f"{lanes / one.mult_adds:.4f}" if known and one.mult_adds else "-",
        )
    return table


def difference(found: Difference) -> Table:
    """Return a table of what differs between two counts; kinds of layers have their instructions and lanes alone."""
    before, after = found.before, found.after
    table = plain_table(
        f"{before.model} in {before.backend} on {before.cpu}: {before.runtime_version}, then {after.runtime_version}",
        "what",
        "before>",
        "after>",
        "difference>",
        "ratio>",
    )
    for row in found.rows:
        if row.difference and (row.kind is None or row.what not in KINDS):
            figures = (f"{row.before:,}", f"{row.after:,}", f"{row.difference:+,}")
            add_row(table, _name(row), *figures, "-" if row.ratio is None else f"{row.ratio:.6f}")
    return table


def _name(row: Row) -> str:
    if row.kind is None:
        return title(row.what)
    return row.kind if row.what == ALL else f"  {title(row.what)}"


def title(what: str) -> str:
    """Return what a figure of a tally is called for people.

    >>> title("dot"), title("dot_lanes"), title("all")
    ('dot products', 'products in dot products', 'instructions')
    """
    if what == ALL:
        return "instructions"
    return _LANES.get(what) or {str(kind): text for kind, text in TITLES.items()}[what]
