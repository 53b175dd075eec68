"""The sections on what a run's figures depend on: the machine, versions, and every setting."""

from collections.abc import Sequence

from edgebench.report.page import document
from edgebench.report.page.document import Column, Section, Table
from edgebench.report.page.material import Material


def machine(material: Material) -> Section:
    """Return the machine and the versions that a figure depends on."""
    context = material.context
    facts = [(name.replace("_", " "), value) for name, value in context.facts.items() if value not in {"", "-"}]
    runtimes = sorted({(row.backend, row.runtime_version or "", row.provider or "") for row in material.own})
    versions = sorted(context.versions.items())
    return Section(
        name="machine",
        title="Machine and versions",
        tables=(
            _listed(
                "facts",
                f"The machine: unit {context.unit}, kind {context.device}",
                facts,
            ),
            _listed(
                "runtimes", "Runtimes", [(f"{one} {version}".strip(), provider) for one, version, provider in runtimes]
            ),
            _listed("versions", "Versions of packages", versions),
        ),
        open=True,
    )


def settings(material: Material) -> Section:
    """Return every setting of the run, as context.json holds it."""
    return Section(
        name="settings",
        title="Every setting",
        says=("All that was decided before measuring, and what the program found; trials and sessions have tables.",),
        tables=(_listed("settings", "Rows: settings", material.context.settings),),
    )


def _listed(name: str, title: str, pairs: Sequence[tuple[str, str]]) -> Table:
    return Table(
        name=name,
        title=title,
        columns=(Column(name="What"), Column(name="Value")),
        rows=tuple((document.text(what), document.text(value)) for what, value in pairs),
        source="context.json" if name != "runtimes" else "trials.csv",
    )
