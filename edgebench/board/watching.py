"""Look at the machine before and after a round: the canary, and what changed about the signals in between."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from edgebench.board import signals, throttle
from edgebench.board.canary import Canary, Song
from edgebench.board.signals import Snapshot
from edgebench.board.wire import Signals, Watched


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """The machine just before a round."""

    song: Song
    snapshot: Snapshot


class Watcher:
    """Watches the processors that measure in one session; the canary sings on the last of them."""

    def __init__(self, session: str, cpus: Sequence[int], root: Path = Path("/")) -> None:
        self._session = session
        self._sources = signals.find(cpus, root)
        self._canary = Canary(cpus[-1])
        self._asked = self._ask()

    def signals(self) -> Signals:
        """Return what can be watched here, and what cannot."""
        return signals.told(self._sources, self._session)

    def temperature_c(self) -> float | None:
        """Return the temperature of the processor's hottest zone, None where none is told."""
        return signals.temperature_c(self._sources)

    def look(self) -> Look:
        """Return the machine as it is before a round."""
        return Look(song=self._canary.sing(), snapshot=signals.snapshot(self._sources))

    def watched(self, before: Look, invocation: int, number: int, trial: str | None, *, last: bool) -> Watched:
        """Return what happened since a look; after the last round a program may be asked what no file tells."""
        after = signals.snapshot(self._sources)
        bare = Watched(
            session=self._session,
            invocation=invocation,
            round=number,
            trial=trial,
            start_ns=before.snapshot.at_ns,
            wall_ns=after.at_ns - before.snapshot.at_ns,
            loop_ns=before.song.loop_ns,
            stream_ns=before.song.stream_ns,
        )
        found = signals.filled(bare, self._sources, before.snapshot, after)
        return self._with_answer(found) if last else found

    def _with_answer(self, watched: Watched) -> Watched:
        """Add what the board's program tells, if it has one: it speaks of all the time since it was asked before."""
        earlier, self._asked = self._asked, self._ask()
        added = throttle.new(earlier, self._asked)
        if added is None:
            return watched
        causes = dict.fromkeys(watched.throttled_by + throttle.causes(earlier, self._asked))
        return replace(watched, throttled=(watched.throttled or 0) + added, throttled_by=tuple(causes))

    def _ask(self) -> throttle.State:
        program = self._sources.throttle.program
        return throttle.State() if program is None else throttle.ask(program, self._sources.root)
