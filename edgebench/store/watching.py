"""Which look at the machine belongs to which trial and round."""

from collections.abc import Iterator

from edgebench.board.wire import Block, Watched
from edgebench.store.records import Run

Looks = dict[tuple[str, int, int, str | None], Watched]
"""By session, invocation, round, and the trial that was measured alone in it (None: all of the session were)."""


def looks(run: Run) -> Looks:
    """Return what was seen of the machine in each round."""
    return {(one.session, one.invocation, one.round, one.trial): one for one in run.watched}


def around(block: Block, seen: Looks) -> Watched | None:
    """Return what was seen of the machine in the round of a block, None when nobody looked."""
    own = seen.get((block.session, block.invocation, block.round, block.trial))
    return own or seen.get((block.session, block.invocation, block.round, None))


def of_trial(session: str, trial: str, seen: Looks) -> Iterator[Watched]:
    """Yield what was seen of the machine in the rounds of a trial."""
    for watched in seen.values():
        if watched.session == session and watched.trial in (None, trial):
            yield watched
