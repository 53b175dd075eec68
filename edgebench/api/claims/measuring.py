"""Measure what is open of claims and consequences, what tells most in the least time first."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from time import perf_counter

from edgebench import units
from edgebench.api._reaching import Board, reached, refuse_emulated
from edgebench.api.claims import settings
from edgebench.api.counting import count
from edgebench.api.planning import Plan, Request, plan_for
from edgebench.api.running import carry_out, silent
from edgebench.errors import UsageError
from edgebench.judge.judgement import Judgements
from edgebench.judge.verdict import Verdict
from edgebench.measure.duration import expected_seconds
from edgebench.measure.plan import MOST_TRIALS, VERDICT_INVOCATIONS
from edgebench.measure.statistics import FEWEST_INVOCATIONS

_DECIDED = (Verdict.HOLDS, Verdict.DOES_NOT_HOLD)
_ROOM = 1.5  # times the seconds that a step is expected to take: expectations are good to a quarter


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Models that one session has to measure together, sorted, and how many open statements wait for them.

    Statements are claims and consequences.
    """

    models: tuple[str, ...]
    statements: int


@dataclass(frozen=True, slots=True, kw_only=True)
class _Step:
    """One run to be made; the seconds that it is expected to take for the least that gives an interval, and in all.

    Both without the seconds of converting.
    """

    wanted: Wanted
    request: Request
    least_s: float
    measuring_s: float
    converting_s: float


def wanted(found: Judgements, device: str) -> tuple[Wanted, ...]:
    """Return what is open of these claims and their consequences that this kind of device could decide."""
    groups: Counter[tuple[str, ...]] = Counter()
    for one in found.judged:
        claim = one.claim
        if claim.measured and one.decision.verdict not in _DECIDED and settings.of_class(claim.where, device, "cpu"):
            costs = {claim.subject: count(claim.subject).cost} if claim.kind == "share" else {}
            groups[settings.needed(claim, costs)] += 1
    for inferred in found.inferred:
        if inferred.decision.verdict not in _DECIDED:
            groups[inferred.subject, inferred.baseline] += 1
    merged: Counter[tuple[str, ...]] = Counter()
    for models, statements in groups.items():
        merged[tuple(sorted(models))] += statements
    return tuple(Wanted(models=models, statements=statements) for models, statements in merged.items())


def packed(groups: Iterable[Wanted], seconds: Mapping[str, float], most: int) -> list[Wanted]:
    """Join groups that share models into sessions of `most` models at most, as long as more is decided a second.

    `seconds` is what each model adds to an invocation. A group of more models is a session of its own.

    >>> pairs = [Wanted(models=("a", "b"), statements=2), Wanted(models=("b", "c"), statements=2)]
    >>> packed(pairs, {"a": 1.0, "b": 5.0, "c": 1.0}, 3)
    [Wanted(models=('a', 'b', 'c'), statements=4)]
    """
    waiting = list(groups)
    sessions = []
    while waiting:
        best = max((_joined(waiting, group.models) for group in waiting), key=lambda one: _rate(one, seconds))
        grown: Wanted | None = best
        while grown is not None:
            best = grown
            unions = (_joined(waiting, (*best.models, *group.models)) for group in waiting)
            better = [one for one in unions if len(one.models) <= most and _rate(one, seconds) > _rate(best, seconds)]
            grown = max(better, key=lambda one: _rate(one, seconds), default=None)
        waiting = [group for group in waiting if not set(group.models) <= set(best.models)]
        sessions.append(best)
    return sessions


def _joined(groups: Iterable[Wanted], models: Iterable[str]) -> Wanted:
    """Return these models with all statements of the groups that they suffice for."""
    chosen = frozenset(models)
    statements = sum(group.statements for group in groups if chosen >= set(group.models))
    return Wanted(models=tuple(sorted(chosen)), statements=statements)


def _rate(one: Wanted, seconds: Mapping[str, float]) -> float:
    return one.statements / sum(seconds[model] for model in one.models)


def measure(
    found: Judgements, device: str, budget_s: float, results: Path, say: Callable[[str], None] = silent
) -> tuple[Path, ...]:
    """Measure what is open of these claims for so long at most, and return the run folders.

    One run a session: models that statements share, in all backends of the device where that is possible. Raise
    UsageError when the budget allows none, and for a device that is none. What interrupts a run ends them all.
    """
    began = perf_counter()
    with reached(device) as side:
        refuse_emulated(side.board, "claims on latency need time, which is not taken there")
        base = Request(device=device, results=results, invocations=VERDICT_INVOCATIONS, memory=False)
        steps = _steps(wanted(found, side.board.device.name), base, side.board)
        folders: list[Path] = []
        for step in steps:
            left_s = budget_s - (perf_counter() - began) - step.converting_s
            if step.least_s > left_s:
                continue
            say(f"{step.wanted.statements} claims and consequences wait for {', '.join(step.request.models)}.")
            request = replace(step.request, budget_s=min(left_s, _ROOM * step.measuring_s))
            result = carry_out(plan_for(request, side.board), side, results, say)
            folders.append(result.folder)
            if result.run.ended == "interrupted":
                break
    if not folders:
        raise UsageError(_nothing(steps, budget_s))
    return tuple(folders)


def _steps(groups: Iterable[Wanted], base: Request, board: Board) -> list[_Step]:
    """Return the runs that measure these groups, those that decide most a second first."""
    listed = list(groups)
    models = sorted({model for group in listed for model in group.models})
    alone = {model: plan_for(replace(base, models=(model,)), board) for model in models}
    seconds = {model: _measuring_s(plan, 1) for model, plan in alone.items()}
    most = MOST_TRIALS // max((len(plan.trials) for plan in alone.values()), default=1)
    found = [step for one in packed(listed, seconds, most) for step in _runs(one, base, board)]
    return sorted(found, key=lambda step: -step.wanted.statements / (step.measuring_s + step.converting_s))


def _runs(one: Wanted, base: Request, board: Board) -> Iterator[_Step]:
    """Yield one run, or one a backend where the trials do not fit into one session."""
    request = replace(base, models=one.models)
    plan = plan_for(request, board)
    if len(plan.sessions) == 1:
        yield _step(one, request, plan)
        return
    for backend in dict.fromkeys(trial.backend_name for trial in plan.trials):
        alone = replace(request, backends=(backend,))
        yield _step(one, alone, plan_for(alone, board))


def _step(one: Wanted, request: Request, plan: Plan) -> _Step:
    return _Step(
        wanted=one,
        request=request,
        least_s=_measuring_s(plan, FEWEST_INVOCATIONS),
        measuring_s=_measuring_s(plan, plan.protocol.invocations),
        converting_s=plan.converting_s,
    )


def _measuring_s(plan: Plan, invocations: int) -> float:
    protocol = replace(plan.protocol, invocations=invocations, target=None, budget_s=None)
    return expected_seconds(plan.sessions, protocol, plan.timings)


def _nothing(steps: list[_Step], budget_s: float) -> str:
    if not steps:
        return "Nothing is open that this device could decide: the evidence decides it, or other devices would have to."
    least = units.clock_time(min(step.least_s + step.converting_s for step in steps))
    return f"The budget is {units.clock_time(budget_s)}, and the shortest run takes about {least}: allow more."
