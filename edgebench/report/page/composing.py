"""Put a page of one run together."""

from edgebench.report.page import accuracy, counting, kinds, machine, opening, resources, scaling, trials, watching
from edgebench.report.page.document import Document
from edgebench.report.page.material import Material


def page(material: Material) -> Document:
    """Return the page of a run: the answer, then what it rests on, then the circumstances."""
    sections = (
        trials.trials(material),
        trials.backends(material),
        trials.pairs(material),
        counting.against_mult_adds(material),
        kinds.kinds(material),
        accuracy.accuracy(material),
        scaling.scaling(material),
        resources.memory(material),
        resources.energy(material),
        resources.sustained(material),
        watching.rounds(material),
        machine.machine(material),
        machine.settings(material),
    )
    answered, beyond = opening.table(material)
    return Document(
        title=opening.title(material),
        under=opening.under(material),
        headline=opening.headline(material),
        answer=answered,
        beyond=beyond,
        cards=opening.cards(material),
        sections=tuple(section for section in sections if section is not None),
    )
