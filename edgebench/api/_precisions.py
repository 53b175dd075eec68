"""Which backends compute in the precisions that a run asks for; default backends that do not are left out, by name."""

from collections.abc import Sequence

from edgebench.api._models import Runtime
from edgebench.api._reaching import Board
from edgebench.api.listing import backend, backends, check_precision
from edgebench.errors import UsageError
from edgebench.measure.plan import Trial


def having(runtimes: Sequence[Runtime], precisions: Sequence[str]) -> list[Runtime]:
    """Return those of a device's own backends that compute in any of the precisions.

    Raise UsageError for a precision that none of them has.
    """
    known = {name: backend(name).precisions for name, _ in runtimes}
    for precision in precisions:
        if not any(precision in one for one in known.values()):
            expected = " or ".join(dict.fromkeys(one for some in known.values() for one in some))
            raise UsageError(
                f"None of the device's backends ({', '.join(known)}) has the precision {precision!r}: expected "
                f"{expected}, or another backend by --backend (`edgebench list backends`)."
            )
    return [one for one in runtimes if set(precisions) & set(known[one[0]])]


def unfit(trials: Sequence[Trial], board: Board) -> tuple[str, ...]:
    """Return which of a device's own backends, as far as they are installed, have no trial in want of a precision."""
    names = [name for name in board.device.run.backends if name in board.runtimes]
    return tuple(
        f"{name} has no {precision}"
        for precision in dict.fromkeys(trial.precision for trial in trials)
        for name in names
        if precision not in backend(name).precisions
    )


def check(trial: Trial, board: Board) -> None:
    """Raise UsageError for a trial whose backend does not compute in its precision, with those here that do."""
    names = [one.name for one in backends() if one.name in board.runtimes and trial.precision in one.precisions]
    others = f"; on {board.unit.name} {', '.join(names)} {'have' if names[1:] else 'has'} it" if names else ""
    check_precision(backend(trial.backend), trial.precision, others)
