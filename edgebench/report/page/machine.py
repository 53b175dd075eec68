"""The sections on what a run's figures depend on: the machine, versions, and every setting."""

from collections.abc import Sequence

from edgebench import units
from edgebench.report.page import document
from edgebench.report.page.document import Column, Section, Table
from edgebench.report.page.material import Material

_BYTES = "_bytes"
_CONTEXT = "context.json"


def machine(material: Material) -> Section:
    """Return the machine and the versions that a figure depends on."""
    context = material.context
    facts = [_fact(name, value) for name, value in context.facts.items() if value not in {"", "-"}]
    found = {(f"{row.backend} {row.runtime_version or ''}".strip(), row.provider or "") for row in material.own}
    return Section(
        name="machine",
        title="Machine and versions",
        tables=(
            _listed("facts", f"Unit {context.unit} ({context.device})", ("Fact", "Value"), facts),
            _listed("runtimes", "Runtimes", ("Runtime", "Computes on"), sorted(found), source="trials.csv"),
            _listed("versions", "Packages", ("Package", "Version"), sorted(context.versions.items())),
        ),
        open=True,
    )


def _fact(name: str, value: str) -> tuple[str, str]:
    """Return a fact of the machine in words.

    >>> _fact("memory_total_bytes", "25276514304")
    ('memory total', '23.5 GiB')
    """
    if name.endswith(_BYTES) and value.isdecimal() and len(value) < document.MOST_NAME:
        return name.removesuffix(_BYTES).replace("_", " "), units.size(int(value))
    return name.replace("_", " "), value


def settings(material: Material) -> Section:
    """Return every setting of the run, as context.json holds it."""
    return Section(
        name="settings",
        title="Every setting",
        says=("All that was decided before measuring, and what the program found; trials and sessions have tables.",),
        tables=(_listed("settings", "Rows: settings", ("Setting", "Value"), material.context.settings),),
    )


def _listed(
    name: str, title: str, columns: tuple[str, str], pairs: Sequence[tuple[str, str]], source: str = _CONTEXT
) -> Table:
    return Table(
        name=name,
        title=title,
        columns=tuple(Column(name=column) for column in columns),
        rows=tuple((document.text(what), document.text(value)) for what, value in pairs),
        source=source,
    )
