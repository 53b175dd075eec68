"""Plans within what the user allows, and what earlier runs tell of their time."""

from dataclasses import replace
from pathlib import Path

import pytest

from edgebench import devices
from edgebench.api import _expecting
from edgebench.errors import UsageError
from edgebench.measure.duration import Timing
from edgebench.measure.plan import Protocol, Session, Trial
from edgebench.store import durations
from edgebench.store.records import Counted

TRIAL = Trial(model="lenet5", backend="onnxruntime")
SESSION = Session(name="s1", seed=1, together=True, trials=(TRIAL, replace(TRIAL, twin=True)))
TIMINGS = {TRIAL.id: Timing(start_s=1.0, call_s=0.01, warm_up_s=1.0)}
"""An invocation of both takes 4.9 s, a footprint 1.2 s."""


def protocol(invocations: int | None = None, **given: float) -> Protocol:
    """The protocol of one session of a trial and its twin."""
    return _expecting.protocol(Protocol(**given), invocations, [SESSION], TIMINGS)  # type: ignore[arg-type]


def test_the_quick_plan_has_five_invocations_and_takes_memory_once() -> None:
    """Nothing asked for: what prints a table with intervals soonest."""
    found = protocol()
    assert (found.invocations, found.target, found.footprints) == (5, None, 1)


def test_a_careful_plan_takes_memory_three_times() -> None:
    """Ten invocations or a target: the range of three is told."""
    assert (protocol(10).invocations, protocol(10).footprints) == (10, 3)
    asked = protocol(target=0.005)
    assert (asked.invocations, asked.target, asked.footprints) == (5, 0.005, 3)


def test_more_invocations_than_the_usual_most_are_allowed() -> None:
    """Who asks for sixty gets them."""
    assert protocol(60, target=0.01).most_invocations == 60


def test_a_budget_is_used_until_ratios_are_known_to_one_percent() -> None:
    """With so many invocations asked for it is only a bound."""
    assert protocol(budget_s=600.0).target == 0.01
    assert protocol(7, budget_s=600.0).target is None


@pytest.mark.parametrize(("budget_s", "footprints"), [(600.0, 3), (27.0, 1), (24.0, 0)])
def test_a_budget_leaves_room_for_five_invocations(budget_s: float, footprints: int) -> None:
    """Memory is taken less often, or not at all, when there is not the time."""
    assert protocol(budget_s=budget_s).footprints == footprints


def test_a_budget_without_room_for_one_invocation_is_refused() -> None:
    """It would end with nothing; the sentence says what is needed."""
    with pytest.raises(UsageError, match=r"The budget is 3 s, but one process of each trial takes about 5 s"):
        protocol(budget_s=3.0)


@pytest.mark.parametrize(("budget_s", "invocations"), [(600.0, 117), (24.0, 4), (6.0, 1), (0.5, 1)])
def test_a_budget_tells_how_many_invocations_it_has_room_for(budget_s: float, invocations: int) -> None:
    """What a session has of it, less footprints, over the seconds of an invocation; one is always tried."""
    asked = Protocol(budget_s=budget_s, footprints=3 if budget_s > 100 else 0)
    assert _expecting.affordable(asked, [SESSION], TIMINGS) == invocations
    assert _expecting.affordable(replace(asked, budget_s=None), [SESSION], TIMINGS) is None


def test_sessions_share_a_budget() -> None:
    """Of two sessions each has half of it."""
    asked = Protocol(budget_s=100.0, footprints=0)
    assert _expecting.affordable(asked, [SESSION], TIMINGS) == 19
    assert _expecting.affordable(asked, [SESSION, replace(SESSION, name="s2")], TIMINGS) == 9


def counted(model: str, mult_adds: int) -> Counted:
    """A model without weights."""
    return Counted(model=model, inputs={}, mult_adds=mult_adds, params=0, bias_params=0, bn_params=0, layers=())


def test_timings_are_remembered_from_the_newest_run(tmp_path: Path) -> None:
    """A trial that was measured before is told as it was; another of the same backend by its mult-adds."""
    header = "trial,model,backend,batch,mult_adds,import_s,load_s,first_call_s,warm_up_s,latency_p50_s"
    for day, latency in (("2026-01-01", 0.004), ("2026-01-02", 0.002), ("2026-01-03", "")):
        folder = tmp_path / "host" / f"{day}T00-00-00Z-abcd"
        folder.mkdir(parents=True)
        row = f"{TRIAL.id},lenet5,onnxruntime,1,1000000,0.25,0.5,0.05,0.75,{latency}"
        (folder / "trials.csv").write_text(f"{header}\n{row}\n")
    other = replace(TRIAL, model="vgg")
    models = {"lenet5": counted("lenet5", 10**6), "vgg": counted("vgg", 10**8)}
    device = devices.find("rpi4")
    found = _expecting.timings([TRIAL, other], models, device, tmp_path, "host")
    assert found[TRIAL.id] == Timing(start_s=1.0, call_s=0.002, warm_up_s=0.75, told=True)
    assert not found[other.id].told
    assert found[other.id].call_s == pytest.approx(2e-4 + 10**8 * 4e-9)  # the upper of two medians


def test_tables_that_cannot_be_read_tell_nothing(tmp_path: Path) -> None:
    """They only help to guess: a damaged one is no error."""
    for number, content in enumerate((b"\xff\xfe\x00", b"trial\n\n", b'"', b"trial,import_s\nx,y\n")):
        folder = tmp_path / "host" / str(number)
        folder.mkdir(parents=True)
        (folder / "trials.csv").write_bytes(content)
    assert durations.remembered(tmp_path, "host") == {}
    assert durations.per_mult_add_s(tmp_path, "host") == {}


def test_runs_without_a_latency_tell_no_rate(tmp_path: Path) -> None:
    """A unit on which every trial was lost, or nothing is timed, is one of which nothing is known yet."""
    folder = tmp_path / "host" / "2026-01-01T00-00-00Z-abcd"
    folder.mkdir(parents=True)
    (folder / "trials.csv").write_text(f"trial,backend,batch,mult_adds,latency_p50_s\n{TRIAL.id},null,1,1000,\n")
    assert durations.per_mult_add_s(tmp_path, "host") == {}


def test_a_guess_grows_with_the_work() -> None:
    """Without a run to look back on, mult-adds and the chain's length decide."""
    device = devices.find("rpi4")
    chains = [Trial(model="m", backend="null", backend_options=(("work", work),)) for work in ("1000", "100000")]
    nets = [replace(TRIAL, model=name) for name in ("small", "large")]
    models = {"m": counted("m", 0), "small": counted("small", 10**6), "large": counted("large", 10**9)}
    found = _expecting.timings([*chains, *nets], models, device, Path("nowhere"), "host")
    calls = [found[trial.id].call_s for trial in (*chains, *nets)]
    assert calls[1] == pytest.approx(100 * calls[0])
    assert calls[3] > 100 * calls[2]
