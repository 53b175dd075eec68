"""Each flag at a known truth, and no flag without a reason."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from edgebench.board.wire import Block, Parity, Ready, Watched
from edgebench.judge.trust import BIASING, DISTRUSTED, FORBIDDING
from edgebench.measure.flags import (
    MEANINGS,
    disturbed,
    disturbed_samples,
    of_blocks,
    of_machine,
    of_pair,
    of_rounds,
    of_start,
    undisturbed,
)
from edgebench.measure.series import series
from edgebench.measure.statistics import Estimate

READY = Ready(
    session="s1",
    invocation=0,
    trial="t",
    runtime_version="1",
    precision_found="fp32",
    provider="CPU",
    threads_found=2,
    threads_alive=9,
    import_s=0.1,
    load_s=0.1,
    first_call_s=0.1,
    start_up_ns=(1,),
    warm_up_ns=(1,),
    warm_up_calls=1,
    steady=True,
    call_s=0.01,
    cpus=(0, 1),
    parity=Parity(max_abs_diff=0.002, scale=2.0),
    foreign_modules=(),
)


def block(cpu_ns: list[int], faults: int = 0) -> Block:
    """Samples of a microsecond each, in which the worker ran for so many nanoseconds."""
    samples = len(cpu_ns)
    return Block(
        session="s1",
        invocation=0,
        round=0,
        position=0,
        trial="t",
        start_ns=0,
        calls=1,
        priming_ns=None,
        wall_ns=(1000,) * samples,
        cpu_ns=tuple(cpu_ns),
        involuntary_switches=(0,) * samples,
        major_faults=(*[0] * (samples - 1), faults),
    )


@pytest.mark.parametrize(
    ("ready", "flags"),
    [
        (READY, []),  # parity at the tolerance, threads as asked
        (replace(READY, parity=None), []),  # nothing to compare with is not a difference
        (replace(READY, parity=Parity(max_abs_diff=0.0021, scale=2.0)), ["parity"]),
        (replace(READY, parity=Parity(max_abs_diff=1e-9, scale=0.0)), ["parity"]),
        (replace(READY, parity=Parity(max_abs_diff=0.0, scale=0.0)), []),
        (replace(READY, precision_found="bf16"), ["precision"]),
        (replace(READY, precision_found="bf16+fp32"), ["precision"]),
        (replace(READY, threads_found=1), []),  # a small network need not use them all
        (replace(READY, threads_found=3), ["threads"]),
        (replace(READY, steady=False), ["unsteady"]),
        (replace(READY, steady=False, threads_found=3, precision_found="?"), ["precision", "threads", "unsteady"]),
    ],
)
def test_start_of_a_worker(ready: Ready, flags: list[str]) -> None:
    """Outputs, precision, threads and warm-up each have their flag, reached beyond the limit and not at it."""
    assert of_start("fp32", 2, [ready]) == flags


def test_one_process_of_many_is_enough() -> None:
    """A flag stands once, whichever of the processes gave the reason."""
    odd = replace(READY, steady=False)
    assert of_start("fp32", 2, [READY, odd, READY, odd]) == ["unsteady"]
    assert of_start("fp32", 2, []) == []


@pytest.mark.parametrize(
    ("cpu_ns", "flags"),
    [
        ([1000, 1000, 1000], []),
        ([1010, 1001, 999], []),  # the CPU's clock is read outside the wall's
        ([951, 951, 951], []),
        ([949, 949, 949], ["contended"]),
        ([100, 1000, 1000], []),  # one preempted sample of three
        ([940, 940, 1000], ["contended"]),
        ([940, 1000], ["contended"]),  # half of them
        ([801, 801, 801], ["contended"]),
        ([799, 799, 799], ["contended", "invalid_contended"]),
    ],
)
def test_processor_that_was_taken_away(cpu_ns: list[int], flags: list[str]) -> None:
    """A single thread that did not run for 5 % of the wall time, in half of its samples or more, was contended."""
    assert of_blocks(1, [block(cpu_ns)]) == flags


def test_samples_of_all_blocks_of_an_invocation_count_together() -> None:
    """Half of its samples, not half of its blocks."""
    assert of_blocks(1, [block([940]), block([1000] * 4)]) == []
    assert of_blocks(1, [block([940] * 4), block([1000])]) == ["contended"]


def test_one_invocation_contends_and_half_of_them_invalidate() -> None:
    """One of many says that something was there; what widens the interval of ten does not take it away."""
    lost, whole = block([500] * 3), block([1000] * 3)
    one_of_four = [lost, *(replace(whole, invocation=i) for i in (1, 2, 3))]
    two_of_four = [*one_of_four[:3], replace(lost, invocation=3)]
    assert of_blocks(1, one_of_four) == ["contended"]
    assert of_blocks(1, two_of_four) == ["contended", "invalid_contended"]


def test_cpu_time_of_several_threads_says_nothing() -> None:
    """Two threads that wait for each other are not contended; nor is one that waits for a GPU."""
    assert of_blocks(2, [block([500, 500])]) == []
    assert of_blocks(1, [block([500, 500])], own_cpu=False) == []
    assert not disturbed(block([500, 500]), None, own_cpu=False)


@pytest.mark.parametrize(
    ("wall_ns", "switches", "flags"),
    [
        (1_000_000, [0, 0, 0, 0, 1], []),  # a fifth
        (1_000_000, [0, 0, 0, 1, 1], ["contended"]),
        (10_000_000, [0, 0, 0, 1, 1], ["contended"]),
        (150_000_000, [1, 1, 1, 1, 2], []),  # what a quiet kernel does to a call of 150 ms
        (150_000_000, [14, 14, 14, 14, 14], []),
        (150_000_000, [0, 0, 0, 15, 15], ["contended"]),
    ],
)
def test_calls_that_were_interrupted(wall_ns: int, switches: list[int], flags: list[str]) -> None:
    """More than a fifth of the samples with an involuntary switch, one in 10 ms of long ones, at any thread count."""
    samples = len(switches)
    found = replace(
        block([0] * samples),
        wall_ns=(wall_ns,) * samples,
        cpu_ns=(wall_ns,) * samples,
        involuntary_switches=tuple(switches),
    )
    assert of_blocks(4, [found]) == flags
    assert disturbed(found, None) is bool(flags)


def test_waiting_for_the_disk() -> None:
    """One major fault in steady state is enough, at any number of threads."""
    assert of_blocks(1, [block([1000, 1000], faults=1)]) == ["invalid_paging"]
    assert of_blocks(4, [block([1000, 1000], faults=1)]) == ["invalid_paging"]
    assert of_blocks(1, [block([900, 900], faults=1)]) == ["contended", "invalid_paging"]
    assert of_blocks(1, []) == []


def test_program_that_times_itself_shows_none_of_it() -> None:
    """What was not taken raises nothing."""
    own = replace(block([1000]), cpu_ns=(), involuntary_switches=(), major_faults=())
    assert of_blocks(1, [own]) == []
    assert not disturbed(own, None)
    assert disturbed_samples(own) == [False]


# --- the machine -----------------------------------------------------------------------------------------------------

LOOK = Watched(
    session="s1", invocation=0, round=0, start_ns=0, wall_ns=1_000_000_000, loop_ns=100_000, stream_ns=100_000
)


def looks(columns: Mapping[str, Sequence[object]]) -> list[Watched]:
    """One look a second; a column gives a field's value round by round."""
    rounds = max((len(values) for values in columns.values()), default=20)
    rows: list[dict[str, Any]] = [{name: values[r] for name, values in columns.items()} for r in range(rounds)]
    return [replace(LOOK, round=r, start_ns=r * 10**9, **row) for r, row in enumerate(rows)]


@pytest.mark.parametrize(
    ("columns", "flags"),
    [
        ({}, []),  # absent signals raise nothing
        ({"steal_ns": [0] * 19 + [190_000_000]}, []),  # 0.95 % of the session, if 19 % of a round
        ({"steal_ns": [0] * 19 + [210_000_000]}, ["stolen"]),
        ({"steal_ns": [None] * 19 + [11_000_000]}, ["stolen"]),  # of the rounds that tell
        ({"cpu_waiting_ns": [190_000_000] * 20}, []),
        ({"cpu_waiting_ns": [210_000_000] * 20}, ["crowded"]),
        ({"memory_stalled_ns": [0] * 19 + [1000]}, ["invalid_memory_pressure"]),
        ({"memory_stalled_ns": [0] * 20, "io_waiting_ns": [500_000_000] * 20}, []),
        ({"throttled": [None] * 20}, []),
        ({"throttled": [0] * 20}, []),
        ({"throttled": [0] * 19 + [1]}, ["invalid_throttled"]),
        (
            {"throttled": [0] * 19 + [1], "throttled_by": [()] * 19 + [("under-voltage",)]},
            ["invalid_throttled", "undervolted"],
        ),
        ({"clock_hz": [1_500_000_000] * 10 + [1_460_000_000] * 10}, []),
        ({"clock_hz": [1_500_000_000] * 10 + [1_450_000_000] * 10}, ["clock_moved"]),
        ({"clock_hz": [1_500_000_000] * 19 + [600_000_000]}, []),  # one round in twenty
        ({"clock_hz": [None] * 20}, []),
        ({"governor": ["performance"] * 20}, []),
        ({"governor": [None] * 19 + ["schedutil"]}, ["governor"]),
        ({"loop_ns": [100_000, 109_000] * 10}, []),
        ({"loop_ns": [100_000, 111_000] * 10}, ["unstable_clock_or_bandwidth"]),
        ({"stream_ns": [100_000, 111_000] * 10}, ["unstable_clock_or_bandwidth"]),
        ({"loop_ns": [200_000, *[100_000] * 19]}, []),  # one round in twenty
        ({"loop_ns": [100_000 + 90 * r for r in range(20)]}, []),
        ({"loop_ns": [100_000 + 120 * r for r in range(20)]}, ["drift"]),
        ({"stream_ns": [100_000 - 120 * r for r in range(20)]}, ["drift"]),
        ({"loop_ns": [100_000] * 14 + [103_500] * 6}, ["throttled"]),  # a step is no trend, unless noise hides it
        ({"loop_ns": [100_000] * 10 + [102_500] * 10}, []),
        ({"loop_ns": [103_500] * 4 + [100_000] * 16}, []),  # it became quicker
        ({"loop_ns": [103_500] * 4 + [100_000] * 8 + [103_500] * 8}, ["throttled"]),
        ({"temperature_c": [50 + 0.03 * r for r in range(20)]}, []),
        ({"temperature_c": [50 + 0.04 * r for r in range(20)]}, ["not_thermally_steady"]),
        ({"temperature_c": [50 + 0.2 * min(r, 9) for r in range(20)]}, []),  # warm in time
        ({"temperature_c": [70 - 0.2 * r for r in range(20)]}, []),
        ({"temperature_c": [None] * 20}, []),
    ],
)
def test_signals_of_the_machine(columns: dict[str, list[object]], flags: list[str]) -> None:
    """Each signal raises its flag beyond its limit and not at it, whatever order the looks come in."""
    watched = looks(columns)
    assert of_machine(watched) == flags
    assert of_machine(watched[::-1]) == flags


def test_few_looks_tell_no_course() -> None:
    """Below eight rounds there is neither trend nor spread nor warming; six show a step."""
    assert of_machine(looks({"loop_ns": [100_000 + 9000 * r for r in range(7)], "temperature_c": range(7)})) == []
    assert of_machine(looks({"loop_ns": [100_000] * 3 + [110_000] * 3})) == ["throttled"]
    assert of_machine(looks({"loop_ns": [100_000] * 2 + [110_000] * 3})) == []
    assert of_machine([]) == []


def test_noise_of_the_canary_is_no_drift() -> None:
    """A trend has to be more than noise explains: of 100 sessions with 5 % of it hardly any drifts."""
    noise = np.random.default_rng(2).normal(0, 0.05, (100, 50))
    sessions = [looks({"loop_ns": (100_000 * np.exp(row)).astype(int).tolist()}) for row in noise]
    assert sum("drift" in of_machine(watched) for watched in sessions) <= 1


# --- rounds and pairs ------------------------------------------------------------------------------------------------


def test_no_steady_state_takes_half_of_the_invocations() -> None:
    """One of three processes that changes its level may be chance; two are the network's own doing."""
    still, stepping = dict.fromkeys(range(10), 1.0), {r: 1.0 + 0.05 * (r >= 5) for r in range(10)}
    assert of_rounds({0: still, 1: still, 2: stepping}) == []
    assert of_rounds({0: still, 1: stepping, 2: stepping}) == ["no_steady_state"]
    assert of_rounds({0: dict(reversed(stepping.items()))}) == ["no_steady_state"]
    assert of_rounds({0: {r: 1.0 + 0.015 * (r >= 5) for r in range(10)}}) == []
    assert of_rounds({}) == []


EVERYTHING = Estimate(value=1.05, low=1.05 / 1.01, high=1.05 * 1.01, invocations=10)


@pytest.mark.parametrize(
    ("clean", "bootstrap", "flags"),
    [
        (None, None, []),
        (replace(EVERYTHING, value=1.055), (1.04, 1.06), []),
        (replace(EVERYTHING, value=1.05 * 1.0099), None, []),
        (replace(EVERYTHING, value=1.05 * 1.0101), None, ["contention_sensitive"]),
        (replace(EVERYTHING, value=1.05 / 1.0101), None, ["contention_sensitive"]),
        (None, (1.05 / 1.019, 1.05 * 1.019), []),
        (None, (1.05 / 1.021, 1.05 * 1.021), ["intervals_disagree"]),
        (None, (1.05 / 1.0049, 1.05 * 1.0049), ["intervals_disagree"]),
    ],
)
def test_cross_checks_of_a_ratio(
    clean: Estimate | None, bootstrap: tuple[float, float] | None, flags: list[str]
) -> None:
    """Clean rounds beyond half of the interval, and intervals that differ by a factor of two, each have their flag."""
    assert of_pair(EVERYTHING, clean, bootstrap) == flags
    assert of_pair(Estimate(value=1.05, low=None, high=None, invocations=4), clean, bootstrap) == []


@pytest.mark.parametrize(
    ("look", "disturbing"),
    [
        (None, False),
        (LOOK, False),
        (replace(LOOK, steal_ns=10_000_000, cpu_waiting_ns=200_000_000, memory_stalled_ns=0, throttled=0), False),
        (replace(LOOK, steal_ns=11_000_000), True),
        (replace(LOOK, cpu_waiting_ns=201_000_000), True),
        (replace(LOOK, memory_stalled_ns=1), True),
        (replace(LOOK, throttled=1), True),
    ],
)
def test_disturbed_round(look: Watched | None, disturbing: bool) -> None:
    """What raises a flag over a session disturbs a round when it is seen in it."""
    assert disturbed(block([1000]), look) is disturbing


def test_disturbed_block() -> None:
    """Lost time, interruptions or a fault in the block itself."""
    assert disturbed(block([940, 940, 1000]), None)
    assert disturbed(block([1000, 1000], faults=1), None)
    assert not disturbed(block([100, 1000, 1000]), None)


def test_rounds_that_stay() -> None:
    """Blocks that were disturbed go, and a ratio pairs what is left in both trials."""
    blocks = [replace(block([1000] * 3), invocation=i, round=r) for i in range(2) for r in range(3)]
    blocks[4] = replace(blocks[4], cpu_ns=(500, 500, 500))
    seen = [replace(LOOK, round=0, memory_stalled_ns=5), replace(LOOK, round=1, memory_stalled_ns=5, trial="another")]
    left = undisturbed(series(blocks, [0, 1]), seen)
    assert {i: sorted(rounds) for i, rounds in left.items()} == {0: [1, 2], 1: [0, 2]}


# --- meanings --------------------------------------------------------------------------------------------------------


def test_every_flag_has_a_meaning_and_a_consequence() -> None:
    """One that can be raised is explained, and either forbids a verdict, asks for the twins, or only warns."""
    warnings = {"beats_bound", "governor", "intervals_disagree", "partial", "permission", "unlimited"}
    invalid = {flag for flag in MEANINGS if flag.startswith("invalid_")}
    groups = [warnings, invalid, FORBIDDING, DISTRUSTED, BIASING.keys()]
    assert sorted(flag for group in groups for flag in group) == sorted(MEANINGS)
