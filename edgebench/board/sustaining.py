"""Call one trial without a pause, block after block, until it has come to where it stays."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from statistics import median
from typing import Any

from edgebench.board import blocks, plateau
from edgebench.board.plateau import Look
from edgebench.board.watching import Watcher
from edgebench.board.wire import Block, Watched

BLOCK_S = 1.0
"""How long a block is: between two of them the machine is looked at, which takes some milliseconds."""

_MOST_SAMPLES = 200
_NS = 1e-9
_MINUTE_S = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Sustained:
    """What a trial needs to go on: `ask` gives its worker a command and returns the answer, None when it is lost."""

    session: str
    invocation: int
    trial: str
    call_s: float
    seconds: float
    ask: Callable[[dict[str, Any]], dict[str, Any] | None]
    put: Callable[[Block | Watched], None]
    watcher: Watcher | None


def command(call_s: float) -> dict[str, Any]:
    """Return the command of a block of a second: 200 samples at most, of as many calls as that takes.

    >>> command(0.05), command(20e-6)["calls"]
    ({'do': 'run', 'samples': 20, 'calls': 1, 'priming': False}, 250)
    """
    calls = max(blocks.calls_per_sample(call_s), round(BLOCK_S / _MOST_SAMPLES / call_s))
    samples = max(1, min(_MOST_SAMPLES, round(BLOCK_S / (calls * call_s))))
    return {"do": "run", "samples": samples, "calls": calls, "priming": False}


def sustain(what: Sustained, now: Callable[[], int] = time.perf_counter_ns) -> None:
    """Run blocks until three minutes in a row are alike, or the time is over; every block and look is put."""
    began, words = now(), command(what.call_s)
    looks: list[Look] = []
    number = 0
    while (now() - began) * _NS < what.seconds:
        if not _block(what, words, number, looks, whole_minute=_minute_ends(began, now())):
            return
        number += 1
        if plateau.reached(plateau.minutes(looks, now())):
            return


def _block(what: Sustained, words: dict[str, Any], number: int, looks: list[Look], *, whole_minute: bool) -> bool:
    """Run one block between two looks at the machine; return whether its worker lives."""
    before = what.watcher.look() if what.watcher is not None else None
    fields = what.ask(dict(words))
    if fields is None:
        return False
    block = Block(
        session=what.session, invocation=what.invocation, round=number, position=0, trial=what.trial, **fields
    )
    what.put(block)
    watched = None
    if what.watcher is not None and before is not None:
        watched = what.watcher.watched(before, what.invocation, number, what.trial, last=whole_minute)
        what.put(watched)
    looks.append(
        Look(
            start_ns=block.start_ns,
            call_s=median(block.wall_ns) / block.calls * _NS,
            temperature_c=watched.temperature_c if watched is not None else None,
        )
    )
    return True


def _minute_ends(began_ns: int, now_ns: int) -> bool:
    """Tell whether a block that begins now is the last of a minute: then a board's program may be asked."""
    into = ((now_ns - began_ns) * _NS) % _MINUTE_S
    return into + BLOCK_S >= _MINUTE_S
