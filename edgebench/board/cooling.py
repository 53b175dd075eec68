"""Wait until the processor is as cool as it was at first, rather than for a fixed time."""

import time
from collections.abc import Callable
from dataclasses import dataclass

from edgebench.board.wire import Gated

ABOVE_START_C = 3.0
"""How much warmer than at first an invocation may begin (docs/measuring.md, Heat and energy)."""

_STILL_C = 0.5
_STILL_S = 5.0
_LOOK_S = 0.5


@dataclass(slots=True, kw_only=True)
class Gate:
    """Holds invocations back; remembers the temperature at which the first one was let through.

    `temperature_c` reads the processor's temperature, None where there is none: then nobody waits.
    """

    session: str
    cap_s: float
    temperature_c: Callable[[], float | None]
    now: Callable[[], float] = time.perf_counter
    sleep: Callable[[float], None] = time.sleep
    first_c: float | None = None

    def wait(self, invocation: int) -> Gated | None:
        """Wait until the processor has come to rest, or is cool enough, for `cap_s` seconds at most."""
        began, start_c = self.now(), self.temperature_c()
        if start_c is None or self.cap_s <= 0:
            return None
        target_c = None if self.first_c is None else self.first_c + ABOVE_START_C
        seen = [(began, start_c)]
        while not _may_begin(seen, target_c) and self.now() - began < self.cap_s:
            self.sleep(_LOOK_S)
            found = self.temperature_c()
            if found is None:  # the zone fell asleep, or is gone
                break
            seen.append((self.now(), found))
        if self.first_c is None:
            self.first_c = seen[-1][1]
        return Gated(
            session=self.session,
            invocation=invocation,
            waited_s=self.now() - began,
            start_c=start_c,
            end_c=seen[-1][1],
            target_c=target_c,
            reached=_may_begin(seen, target_c),
        )


def _may_begin(seen: list[tuple[float, float]], target_c: float | None) -> bool:
    """Tell whether a processor is cool enough; without a target, whether it has not cooled for five seconds."""
    at, celsius = seen[-1]
    if target_c is not None:
        return celsius <= target_c
    before = [found for moment, found in seen if moment <= at - _STILL_S]
    return bool(before) and before[-1] - celsius <= _STILL_C
