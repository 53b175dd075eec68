"""What runs measured of claims and consequences, judged together."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

from edgebench.api.claims.settings import Setting
from edgebench.judge.judgement import Finding
from edgebench.judge.trust import Measured, clock
from edgebench.judge.verdict import Decision, Verdict, holm

Judge = Callable[[Measured, float], Decision]


@dataclass(frozen=True, slots=True, kw_only=True)
class Open:
    """Something that a setting measured, before it is judged.

    `scale` makes the quantity of what it is judged by, `bound` is as in a finding.
    """

    setting: Setting
    measured: Measured
    elsewhere: bool
    judge: Judge
    bound: float | None = None
    scale: Callable[[float], float] = float


def judged_together(opened: Sequence[Sequence[Open]]) -> list[tuple[Finding, ...]]:
    """Return the findings of each, judged together with all others: Holm's correction is over what was asked for."""
    flat = [one for group in opened for one in group if not one.elsewhere]
    decisions = iter(holm([partial(one.judge, one.measured) for one in flat]))
    return [tuple(_finding(one, None if one.elsewhere else next(decisions)) for one in group) for group in opened]


def _finding(one: Open, decision: Decision | None) -> Finding:
    on = clock(one.measured)
    estimate = one.measured.cpu if on == "cpu time" else one.measured.wall
    assert estimate is not None
    setting, scale = one.setting, one.scale
    return Finding(
        run=setting.run,
        unit=setting.unit,
        device=setting.device,
        session=setting.session,
        backend=setting.backend,
        precision=setting.precision,
        threads=setting.threads,
        batch=setting.batch,
        value=scale(estimate.value),
        low=None if estimate.low is None else scale(estimate.low),
        high=None if estimate.high is None else scale(estimate.high),
        bound=one.bound,
        elsewhere=one.elsewhere,
        flags=tuple(sorted(one.measured.flags)),
        decision=decision
        or Decision(verdict=Verdict.NOT_MEASURED, on=on, reason="Elsewhere: the paper names another class of devices."),
    )
