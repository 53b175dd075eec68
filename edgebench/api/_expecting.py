"""How long a plan takes, and how a session is measured within what the user allows."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from edgebench import units
from edgebench.devices.records import Device
from edgebench.errors import UsageError
from edgebench.measure.duration import Timing, footprint_seconds, guessed, invocation_seconds
from edgebench.measure.plan import QUICK_INVOCATIONS, VERDICT_INVOCATIONS, Protocol, Session, Trial
from edgebench.measure.session import MARGIN
from edgebench.store import durations
from edgebench.store.records import Counted

TARGET = 0.01
"""Half the width of a ratio's interval at which a run with a budget stops: 1 %."""

MEASURING_SHARE = 0.97
"""The part of a budget in which is measured: planning and making the tables took up to 1.5 s of a minute."""

_BYTES_PER_PARAM = 4  # fp32
_X86_MULT_ADDS_PER_S = 40e9  # one thread with AVX2, as this file's guess: device files of PCs know no clock
_EFFICIENCY = 0.3  # of the peak; medians of CPU runtimes in fp32 are 0.05 to 0.45 (docs/prediction_fit.md, Bounds)
_CALL_S = 2e-4  # a small network's overhead in the slowest runtime
_CHAIN_S = 2e-8  # a unit of work of the backend null
_CHAIN = 20_000
_FOOTPRINTS = 3


def weight_bytes(counted: Counted) -> int:
    """Return the bytes of a model's weights in fp32."""
    return _BYTES_PER_PARAM * (counted.params + counted.bias_params + counted.bn_params)


def timings(
    trials: Sequence[Trial], counted: Mapping[str, Counted], device: Device, results: Path, unit: str
) -> dict[str, Timing]:
    """Return what is known of each trial's time by its id: from earlier runs of the unit, else guessed."""
    known = durations.remembered(results, unit)
    per_mult_add_s = durations.per_mult_add_s(results, unit)
    found = {}
    for trial in trials:
        model = counted[trial.model]
        call_s = _call_s(trial, model, per_mult_add_s.get(trial.backend_name), device)
        found[trial.id] = known.get(trial.id) or guessed(trial, weight_bytes(model), call_s)
    return found


def protocol(
    given: Protocol, invocations: int | None, planned: Sequence[Session], timings: Mapping[str, Timing]
) -> Protocol:
    """Return how sessions are measured, within the budget if `given` has one.

    `given` holds what was decided already; `invocations` is what the user asked for, None when he leaves it to us.
    Raise UsageError for a budget in which not every trial could run once.
    """
    careful = given.target is not None or (invocations or 0) >= VERDICT_INVOCATIONS
    target = given.target
    if invocations is None and given.budget_s is not None and target is None:
        target, careful = TARGET, True
    chosen = replace(
        given,
        invocations=invocations or QUICK_INVOCATIONS,
        most_invocations=max(given.most_invocations, invocations or 0),
        target=target,
        footprints=_FOOTPRINTS if careful else 1,
    )
    return chosen if chosen.budget_s is None else _within(chosen.budget_s, chosen, planned, timings)


def affordable(protocol: Protocol, planned: Sequence[Session], timings: Mapping[str, Timing]) -> int | None:
    """Return about how many invocations a budget has room for in each session, one at least; None without a budget."""
    if protocol.budget_s is None:
        return None
    room_s = MEASURING_SHARE * protocol.budget_s / max(1, len(planned))
    rooms = (
        (room_s - protocol.footprints * footprint_seconds(session, timings))
        / invocation_seconds(session, protocol, timings)
        for session in planned
    )
    return max(1, int(min(rooms, default=1) - (MARGIN - 1)))  # the last one is begun where a longer one fits


def _within(budget_s: float, chosen: Protocol, planned: Sequence[Session], timings: Mapping[str, Timing]) -> Protocol:
    """Return a protocol whose footprints leave room for five invocations, or at least for one."""
    invocation_s = sum(invocation_seconds(session, chosen, timings) for session in planned)
    footprint_s = sum(footprint_seconds(session, timings) for session in planned)
    if invocation_s > budget_s:
        raise UsageError(
            f"The budget is {units.clock_time(budget_s)}, but one process of each trial takes about "
            f"{units.clock_time(invocation_s)}, and an interval needs {QUICK_INVOCATIONS}: allow more, or ask for less."
        )
    affordable = [
        number
        for number in (_FOOTPRINTS, 1)
        if number <= chosen.footprints and number * footprint_s + QUICK_INVOCATIONS * invocation_s <= budget_s
    ]
    return replace(chosen, footprints=next(iter(affordable), 0))


def _call_s(trial: Trial, counted: Counted, per_mult_add_s: float | None, device: Device) -> float:
    """Return a guess of a call's seconds: good enough to say how long a run takes."""
    if trial.backend == "null":
        return int(dict(trial.backend_options).get("work", _CHAIN)) * _CHAIN_S
    work = trial.batch * counted.mult_adds
    if per_mult_add_s is not None:
        return _CALL_S + work * per_mult_add_s
    rates = [mode.clock_hz * (mode.mult_adds_per_cycle.fp32 or 0) * _EFFICIENCY for mode in device.cpu.mode]
    per_s = min(rates, default=0) or _X86_MULT_ADDS_PER_S
    return _CALL_S + work / (per_s * trial.threads)
