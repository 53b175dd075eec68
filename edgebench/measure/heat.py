"""What heat did to a session: temperatures, clocks, the moment of throttling, and a long run minute by minute."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from edgebench.board import plateau
from edgebench.board.plateau import LEVEL_MINUTES, Look
from edgebench.board.wire import Block, Watched
from edgebench.measure.series import Medians, Series, median_s

BURST_S = 10.0
"""How much of a long run counts as a burst: what a processor that was cool gives at first."""

_MINUTE_S = 60.0
_NS = 1e-9


@dataclass(frozen=True, slots=True, kw_only=True)
class Throttling:
    """When a processor was first seen to be held back, in seconds since its session was first watched, and by what."""

    at_s: float
    causes: tuple[str, ...]

    @property
    def said(self) -> str:
        """Return it in words; minutes count from 1.

        >>> Throttling(at_s=130.0, causes=("under-voltage",)).said
        'in minute 3: under-voltage'
        """
        return f"in minute {int(self.at_s // _MINUTE_S) + 1}: {', '.join(self.causes) or 'cause not told'}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Course:
    """Temperatures and clocks over the rounds of a trial; None where nothing told them."""

    first_c: float | None
    highest_c: float | None
    lowest_hz: int | None
    highest_hz: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Minute:
    """One minute of a long run, the last one perhaps not whole; medians over its blocks, the canary's loop too."""

    number: int
    blocks: int
    latency_s: float
    canary_loop_s: float | None
    clock_hz: int | None
    temperature_c: float | None
    throttled_by: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sustained:
    """A long run in two figures: its burst, the first ten seconds, and where it came to rest, its last three minutes.

    `reached` tells whether it came to rest; `after_s` is how long it was called.
    """

    burst_s: float
    sustained_s: float
    reached: bool
    after_s: float


def throttling(watched: Iterable[Watched]) -> Throttling | None:
    """Return the first sign of throttling, None where there was none; what came with it in its round are its causes."""
    rounds = sorted(watched, key=lambda one: one.start_ns)
    first = next((one for one in rounds if one.throttled), None)
    if first is None:
        return None
    since_s = (first.start_ns + first.wall_ns - rounds[0].start_ns) * _NS
    return Throttling(at_s=since_s, causes=first.throttled_by)


def before_throttling(series: Series, watched: Iterable[Watched]) -> Medians:
    """Return a trial's medians of those rounds that began before the first sign of throttling: they are kept.

    A board that tells throttling once an invocation does not say in which of its rounds it was: none of these counts.
    """
    rounds = sorted(watched, key=lambda one: one.start_ns)
    first = next((one for one in rounds if one.throttled), None)
    if first is None:
        return series.wall_s
    told_late = any(one.throttled is None for one in rounds if one.invocation == first.invocation)
    began = min((one.start_ns for one in rounds if one.invocation == first.invocation), default=first.start_ns)
    limit_ns = began if told_late else first.start_ns
    kept: dict[int, dict[int, float]] = {}
    for block in series.blocks:
        if block.start_ns < limit_ns:
            kept.setdefault(block.invocation, {})[block.round] = series.wall_s[block.invocation][block.round]
    return kept


def course(watched: Iterable[Watched]) -> Course:
    """Return what temperatures and clocks were told over some rounds."""
    rounds = sorted(watched, key=lambda one: one.start_ns)
    celsius = [one.temperature_c for one in rounds if one.temperature_c is not None]
    clocks = [one.clock_hz for one in rounds if one.clock_hz is not None]
    return Course(
        first_c=celsius[0] if celsius else None,
        highest_c=max(celsius, default=None),
        lowest_hz=min(clocks, default=None),
        highest_hz=max(clocks, default=None),
    )


def canary_clocks(watched: Collection[Watched]) -> dict[tuple[int, int, str | None], float]:
    """Return the clock that the canary saw in Hz by invocation, round and trial; empty where cpufreq tells none.

    How many cycles its loop takes is not known, so the round in which it was quickest is taken at its word: there the
    clock was what cpufreq told. Where firmware holds a processor back and cpufreq does not know, the two part.
    """
    told = [one for one in watched if one.clock_hz is not None and one.loop_ns > 0]
    if not told:
        return {}
    quickest = min(told, key=lambda one: one.loop_ns)
    cycles = quickest.loop_ns * _NS * (quickest.clock_hz or 0)
    return {(one.invocation, one.round, one.trial): cycles / (one.loop_ns * _NS) for one in watched if one.loop_ns > 0}


def minutes(blocks: Sequence[Block], watched: Iterable[Watched]) -> list[Minute]:
    """Return a trial's long run minute by minute, counted from its first block."""
    if not blocks:
        return []
    ordered = sorted(blocks, key=lambda block: block.start_ns)
    looks = {(one.invocation, one.round): one for one in watched}
    by_minute: dict[int, list[Block]] = {}
    for block in ordered:
        by_minute.setdefault(int((block.start_ns - ordered[0].start_ns) * _NS // _MINUTE_S), []).append(block)
    return [
        _minute(number, found, [looks[key] for block in found if (key := (block.invocation, block.round)) in looks])
        for number, found in sorted(by_minute.items())
    ]


def sustained(blocks: Sequence[Block], watched: Iterable[Watched]) -> Sustained | None:
    """Return burst and sustained latency of a long run, None without one."""
    if not blocks:
        return None
    ordered = sorted(blocks, key=lambda block: block.start_ns)
    began, ended = ordered[0].start_ns, ordered[-1].start_ns + sum(ordered[-1].wall_ns)
    after_s = (ended - began) * _NS
    looks = {(one.invocation, one.round): one for one in watched}
    temperatures = (looks.get((block.invocation, block.round)) for block in ordered)
    told = [
        Look(
            start_ns=block.start_ns, call_s=median_s(block)[0], temperature_c=None if one is None else one.temperature_c
        )
        for block, one in zip(ordered, temperatures, strict=True)
    ]
    last_s = max(after_s - LEVEL_MINUTES * _MINUTE_S, 0.0)
    burst = [one.call_s for one in told if (one.start_ns - began) * _NS < BURST_S]
    rest = [one.call_s for one in told if (one.start_ns - began) * _NS >= last_s]
    return Sustained(
        burst_s=float(np.median(burst)),
        sustained_s=float(np.median(rest)),
        reached=plateau.reached(plateau.minutes(told, ended)),
        after_s=after_s,
    )


def _minute(number: int, blocks: Sequence[Block], looks: Sequence[Watched]) -> Minute:
    clocks = [one.clock_hz for one in looks if one.clock_hz is not None]
    celsius = [one.temperature_c for one in looks if one.temperature_c is not None]
    causes = dict.fromkeys(cause for one in looks for cause in one.throttled_by)
    return Minute(
        number=number + 1,
        blocks=len(blocks),
        latency_s=float(np.median([median_s(block)[0] for block in blocks])),
        canary_loop_s=float(np.median([one.loop_ns for one in looks])) * _NS if looks else None,
        clock_hz=int(np.median(clocks)) if clocks else None,
        temperature_c=celsius[-1] if celsius else None,
        throttled_by=tuple(causes),
    )
