"""How long sessions are going to take, from what is known of each trial: its start, its warm-up and one call."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from edgebench.board import blocks, energy
from edgebench.board.wire import SLOW_CALL_S
from edgebench.measure.plan import TWIN, Protocol, Session, Trial

_BLOCK_OVERHEAD_S = 0.004  # waking a worker, its answer, and stopping it again
_ROUND_OVERHEAD_S = 0.003  # looking at the machine
_START_UP_CALLS = 20
_WINDOW_SAMPLES = 8
_FOOTPRINT_CALLS = 20
_FOOTPRINT_S = 1.0
_START_S = {"torch": 2.2, "openvino": 0.35, "onnxruntime": 0.25, "null": 0.2, "tensorrt": 90.0}  # the last: a guess
_UNKNOWN_START_S = 0.8
_LOAD_BYTES_PER_S = 400e6
_SETTLING = 1.25  # two passes of the steadiness test are a quarter of a window apart


@dataclass(frozen=True, slots=True, kw_only=True)
class Timing:
    """Seconds of one trial: from the start of its process to its second call, of its warm-up (None: not known), a call.

    `told` when they were measured before on the same unit, else they are guesses.
    """

    start_s: float
    call_s: float
    warm_up_s: float | None = None
    told: bool = False


def guessed(trial: Trial, weight_bytes: int, call_s: float) -> Timing:
    """Return the timing of a trial that was never measured on this unit, from what its runtime needs elsewhere."""
    start_s = _START_S.get(trial.backend, _UNKNOWN_START_S)
    return Timing(start_s=start_s + weight_bytes / _LOAD_BYTES_PER_S, call_s=call_s)


def expected_seconds(planned: Iterable[Session], protocol: Protocol, timings: Mapping[str, Timing]) -> float:
    """Return how long sessions are expected to take, without making artefacts; `timings` by trial id.

    With a target it is the time of all invocations that are allowed: fewer may do. A budget is never exceeded.
    """
    invocations = protocol.invocations if protocol.target is None else protocol.most_invocations
    total = 0.0
    for session in planned:
        total += protocol.footprints * footprint_seconds(session, timings)
        total += invocations * invocation_seconds(session, protocol, timings)
    return total if protocol.budget_s is None else min(total, protocol.budget_s)


def invocation_seconds(session: Session, protocol: Protocol, timings: Mapping[str, Timing]) -> float:
    """Return how long one invocation of every trial of a session takes."""
    spans = (_trial_seconds(timings[trial.id.removesuffix(TWIN)], protocol) for trial in session.trials)
    energy_s = energy_seconds(session, protocol, timings) if protocol.energy else 0.0
    return sum(spans) + protocol.rounds * _ROUND_OVERHEAD_S + energy_s


def energy_seconds(session: Session, protocol: Protocol, timings: Mapping[str, Timing]) -> float:
    """Return how long the windows of load and rest of one invocation take, with a sensor that is quick to read."""
    own = [timings[trial.id].call_s for trial in session.trials if not trial.twin]
    windows = [energy.window_s(call_s, None, protocol.energy_window_s) + 2 * energy.lead_s(None) for call_s in own]
    return 2 * sum(windows) + max(windows, default=0.0)


def footprint_seconds(session: Session, timings: Mapping[str, Timing]) -> float:
    """Return how long it takes to start every trial of a session alone and take its memory."""
    known = [timings[trial.id] for trial in session.trials if not trial.twin]
    return sum(one.start_s + min(_FOOTPRINT_CALLS * one.call_s, max(3 * one.call_s, _FOOTPRINT_S)) for one in known)


def _trial_seconds(timing: Timing, protocol: Protocol) -> float:
    warm_up_s = timing.warm_up_s if timing.warm_up_s is not None else _warm_up_seconds(timing.call_s, protocol)
    if protocol.sustained_s is not None:
        return timing.start_s + warm_up_s + protocol.sustained_s
    return timing.start_s + warm_up_s + _rounds_seconds(timing.call_s, protocol)


def _warm_up_seconds(call_s: float, protocol: Protocol) -> float:
    window_s = protocol.warm_up_s
    single_s = min(window_s, _START_UP_CALLS * call_s)
    return single_s + _SETTLING * max(window_s, _WINDOW_SAMPLES * call_s)


def _rounds_seconds(call_s: float, protocol: Protocol) -> float:
    taken = sum(blocks.takes_part(call_s, number) for number in range(protocol.rounds))
    return taken * (_block_seconds(call_s, protocol) + _BLOCK_OVERHEAD_S)


def _block_seconds(call_s: float, protocol: Protocol) -> float:
    if protocol.pace_hz is not None:
        return blocks.paced_calls(protocol.pace_hz) * max(1 / protocol.pace_hz, call_s)
    sample_s = call_s * blocks.calls_per_sample(call_s)
    priming_s = call_s if call_s <= SLOW_CALL_S else 0.0
    return priming_s + blocks.samples_per_block(sample_s, protocol.block_s) * sample_s
