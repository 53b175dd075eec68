"""A scripted machine: what a session would record of trials whose work is known, under disturbances that are scripted.

Everything is drawn from one seed, for many sessions at once, as arrays of [session, invocation, round, trial, sample].
Where a session's records are wanted they are made from the arrays: the same blocks and looks that an agent would send.
Times run as planned while a script's disturbances are placed; what they add moves no later block.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from edgebench.board import order
from edgebench.board.wire import Block, Watched
from edgebench.measure.series import Series, series

Array = np.ndarray[tuple[int, ...], np.dtype[np.float64]]
Counts = np.ndarray[tuple[int, ...], np.dtype[np.int64]]

START_S = 1.0
CANARY_S = 100e-6


@dataclass(frozen=True, slots=True, kw_only=True)
class Script:
    """What happens on a machine; standard deviations are of logarithms, so 0.01 is 1 %.

    `noise_sd` is of every sample, `block_sd` of every block; speed wanders by `drift_sd` with a memory of `memory_s`
    (an Ornstein-Uhlenbeck process, AR(1) from block to block), follows a trend of `trend` over the session, and is
    lower by `step` from its share `step_at` on. A neighbour takes the processor for `slice_s` in every `period_s`, of
    which a thread's CPU time knows nothing. Processes differ by `process_sd`, and one in `slow_share` is slower by
    `slow_by`. In a share `settling` of an invocation's rounds its trials run slower by `settling_by`. With
    `throttled_by` firmware tells these causes in every round from `step_at` on.
    """

    noise_sd: float = 0.0
    block_sd: float = 0.0
    drift_sd: float = 0.0
    memory_s: float = 1.0
    trend: float = 0.0
    step: float = 0.0
    step_at: float = 0.5
    slice_s: float = 0.0
    period_s: float = 1.0
    process_sd: float = 0.0
    slow_share: float = 0.0
    slow_by: float = 0.0
    settling: float = 0.0
    settling_by: float = 0.0
    steal: float = 0.0
    memory_stalled: float = 0.0
    faults: int = 0
    governor: str | None = None
    start_c: float | None = None
    warming_c_per_s: float = 0.0
    throttle_events: int = 0
    throttled_by: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """How much is measured: counts of the protocol, and the processor seconds of a call by trial."""

    work_s: tuple[float, ...]
    invocations: int = 10
    rounds: int = 10
    samples: int = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Recording:
    """What came of it: spans in seconds, by session, invocation, round, trial and sample; canaries by round."""

    script: Script
    shape: Shape
    start_s: Array
    position: Counts
    wall_s: Array
    cpu_s: Array
    switches: Counts
    round_start_s: Array
    loop_s: Array
    stream_s: Array

    def medians_s(self, trial: int) -> Array:
        """Block medians by session, invocation and round."""
        found: Array = np.median(self.wall_s[:, :, :, trial], axis=-1)
        return found

    def series(self, session: int, trial: int) -> Series:
        """One trial's series of one session, made from its records."""
        return series(self.blocks(session, trial), range(self.shape.invocations))

    def blocks(self, session: int, trial: int) -> list[Block]:
        """One trial's blocks of one session."""
        return [
            self._block(session, i, r, trial) for i in range(self.shape.invocations) for r in range(self.shape.rounds)
        ]

    def watched(self, session: int) -> list[Watched]:
        """What was seen of the machine in each round of a session."""
        return [self._watched(session, i, r) for i in range(self.shape.invocations) for r in range(self.shape.rounds)]

    def _block(self, session: int, invocation: int, number: int, trial: int) -> Block:
        at = (session, invocation, number, trial)
        samples = self.shape.samples
        faults = self.script.faults if invocation == number == 0 else 0
        return Block(
            session=f"s{session}",
            invocation=invocation,
            round=number,
            position=int(self.position[at]),
            trial=f"t{trial}",
            start_ns=_ns(self.start_s[at]),
            calls=1,
            priming_ns=None,
            wall_ns=tuple(_ns(span) for span in self.wall_s[at]),
            cpu_ns=tuple(_ns(span) for span in self.cpu_s[at]),
            involuntary_switches=tuple(int(count) for count in self.switches[at]),
            major_faults=(faults, *[0] * (samples - 1)),
        )

    def _watched(self, session: int, invocation: int, number: int) -> Watched:
        script, at = self.script, (session, invocation, number)
        wall_s = CANARY_S + float(self.wall_s[at].sum())
        start_s = float(self.round_start_s[at])
        warm = None if script.start_c is None else script.start_c + script.warming_c_per_s * start_s
        rounds = invocation * self.shape.rounds + number
        held = bool(script.throttled_by) and rounds >= script.step_at * self.shape.invocations * self.shape.rounds
        throttled = script.throttle_events if invocation == number == 0 else int(held)
        return Watched(
            session=f"s{session}",
            invocation=invocation,
            round=number,
            start_ns=_ns(start_s),
            wall_ns=_ns(wall_s),
            loop_ns=_ns(self.loop_s[at]),
            stream_ns=_ns(self.stream_s[at]),
            steal_ns=_ns(script.steal * wall_s),
            cpu_waiting_ns=_ns((self.wall_s[at] - self.cpu_s[at]).sum()),
            memory_stalled_ns=_ns(script.memory_stalled * wall_s),
            io_waiting_ns=0,
            governor=script.governor,
            temperature_c=warm,
            throttled=throttled,
            throttled_by=script.throttled_by if held else (),
        )


def record(script: Script, shape: Shape, sessions: int, seed: int) -> Recording:
    """Return what so many sessions of this shape would record; trials take turns as an agent has them."""
    generator = np.random.default_rng(seed)
    position = _positions(shape, sessions, seed)
    offsets_s, round_start_s = _times(shape, position)
    of_block, of_canary = _slowness(script, position, offsets_s, round_start_s, generator)
    process = _processes(script, shape, sessions, generator)[:, :, None, :]
    settling = np.arange(shape.rounds) < script.settling * shape.rounds
    block = generator.normal(0, script.block_sd, of_block.shape) if script.block_sd else 0.0
    log = of_block + process + block + (settling * math.log1p(script.settling_by))[:, None]
    cpu_s = np.exp(log)[..., None] * np.array(shape.work_s)[:, None] * np.ones(shape.samples)
    if script.noise_sd:
        cpu_s = cpu_s * np.exp(generator.normal(0, script.noise_sd, cpu_s.shape))
    wall_s, switches = _interrupted(script, offsets_s, cpu_s, generator)
    canary = np.exp(of_canary)
    return Recording(
        script=script,
        shape=shape,
        start_s=offsets_s,
        position=position,
        wall_s=wall_s,
        cpu_s=cpu_s,
        switches=switches,
        round_start_s=round_start_s,
        loop_s=CANARY_S * canary * np.exp(generator.normal(0, 0.002, canary.shape)),
        stream_s=CANARY_S * canary * np.exp(generator.normal(0, 0.01, canary.shape)),
    )


def _positions(shape: Shape, sessions: int, seed: int) -> Counts:
    """At which position each trial of each round stands, in the order that the agent draws."""
    trials = len(shape.work_s)
    orders = np.array(
        [
            [order.round_orders(trials, shape.rounds, seed + session, i) for i in range(shape.invocations)]
            for session in range(sessions)
        ]
    )
    return np.argsort(orders, axis=-1)


def _times(shape: Shape, position: Counts) -> tuple[Array, Array]:
    """When each block, and each round, begins: planned, so the same in every session but for the order."""
    spans = shape.samples * np.array(shape.work_s)
    round_s = CANARY_S + float(spans.sum())
    invocation_s = START_S + shape.rounds * round_s
    starts = START_S + invocation_s * np.arange(shape.invocations)[:, None] + round_s * np.arange(shape.rounds)[None, :]
    earlier = (position[..., None, :] < position[..., :, None]) * spans
    blocks: Array = starts[None, :, :, None] + CANARY_S + earlier.sum(axis=-1)
    rounds: Array = np.broadcast_to(starts, (len(position), *starts.shape))
    return blocks, rounds


def _slowness(
    script: Script, position: Counts, blocks_s: Array, rounds_s: Array, generator: np.random.Generator
) -> tuple[Array, Array]:
    """By how much the machine is slow, as a logarithm, at each block and at each canary."""
    in_order = np.take_along_axis(blocks_s, np.argsort(position, axis=-1), axis=-1)
    slots = np.concatenate([rounds_s[..., None], in_order], axis=-1)
    times = slots.reshape(len(slots), -1)
    total_s = float(times.max())
    logs = script.trend * times / total_s + math.log1p(script.step) * (times >= script.step_at * total_s)
    if script.drift_sd:
        logs = logs + _wandering(script, times, generator)
    by_slot = logs.reshape(slots.shape)
    return np.take_along_axis(by_slot[..., 1:], position, axis=-1), by_slot[..., 0]


def _wandering(script: Script, times: Array, generator: np.random.Generator) -> Array:
    """An Ornstein-Uhlenbeck process in its steady state, at these times."""
    draws = generator.normal(0, 1, times.shape)
    keep = np.exp(-np.diff(times, axis=1) / script.memory_s)
    found = np.empty(times.shape)
    found[:, 0] = draws[:, 0]
    for slot in range(1, times.shape[1]):
        kept = keep[:, slot - 1]
        found[:, slot] = kept * found[:, slot - 1] + np.sqrt(1 - kept**2) * draws[:, slot]
    return script.drift_sd * found


def _processes(script: Script, shape: Shape, sessions: int, generator: np.random.Generator) -> Array:
    """By how much each process is slow for its whole life, as a logarithm."""
    size = (sessions, shape.invocations, len(shape.work_s))
    slow = generator.random(size) < script.slow_share
    return generator.normal(0, script.process_sd, size) + slow * math.log1p(script.slow_by)


def _interrupted(script: Script, start_s: Array, cpu_s: Array, generator: np.random.Generator) -> tuple[Array, Counts]:
    """Wall times of samples that need so much of a processor, and how often a neighbour took it from them.

    Its slices stand at the beginning of each period, from a random phase on; F(t) is the time it left until t.
    """
    if not script.slice_s:
        return cpu_s, np.zeros(cpu_s.shape, dtype=np.int64)
    period, taken = script.period_s, script.slice_s
    phase = generator.uniform(0, period, (len(cpu_s), 1, 1, 1))
    since = start_s + phase
    left = np.floor(since / period) * (period - taken) + np.maximum(since % period - taken, 0)
    needed = left[..., None] + np.cumsum(cpu_s, axis=-1)
    ends = np.floor(needed / (period - taken)) * period + taken + needed % (period - taken)
    begins = np.concatenate([since[..., None], ends[..., :-1]], axis=-1)
    switches = (np.floor(ends / period) - np.floor(begins / period)).astype(np.int64)
    return ends - begins, switches


def dicts(medians: Array) -> dict[int, dict[int, float]]:
    """Block medians of one session, by invocation and round."""
    return {i: dict(enumerate(row)) for i, row in enumerate(medians.tolist())}


def pooled(recording: Recording, session: int, trial: int, invocations: Sequence[int]) -> list[float]:
    """All samples of a trial from some of a session's invocations."""
    found: list[float] = recording.wall_s[session, list(invocations), :, trial].ravel().tolist()
    return found


def _ns(span_s: float) -> int:
    return round(float(span_s) * 1e9)
