"""Sessions of the agent: footprints, watched rounds, paced blocks; with real workers of the null backend."""

import itertools

import pytest

from tests.board.serving import Json, kinds, null_trial, of, planned, served

pytestmark = pytest.mark.usefixtures("_own_processors")

A, B, TWIN = null_trial("a"), null_trial("b", work="1000"), null_trial("a|twin", twin_of="a")
SLOW = null_trial("slow", work="6000000")
"""A call of 0.1 s or more: only calls above 0.05 s are slow."""
STOP = b"stop\n"


# --- footprints ------------------------------------------------------------------------------------------------------


def test_footprints_are_taken_first_and_sent_by_themselves() -> None:
    """Each trial but the twin is started alone as often as asked for, before the first invocation."""
    footprints, invocation = served(planned(A, B, TWIN, footprints=2, rounds=1), STOP)
    assert kinds(footprints) == ["footprint"] * 4 + ["footprints"]
    assert [(one["trial"], one["repeat"]) for one in of(footprints, "footprint")] == [
        ("a", 0),
        ("a", 1),
        ("b", 0),
        ("b", 1),
    ]
    assert footprints[-1]["seconds"] > sum(one["start_s"] for one in of(footprints, "footprint"))
    assert kinds(invocation) == ["ready"] * 3 + ["block"] * 3 + ["closed"] * 3 + ["invocation"]


def test_trial_lost_there_is_lost_for_the_session() -> None:
    """It has one record, with the stage it had reached, and is not started again; the others go on."""
    broken = null_trial("broken", work="0")
    footprints, invocation = served(planned(broken, A, footprints=3, rounds=1, first_invocation=4), STOP)
    assert kinds(footprints) == ["lost"] + ["footprint"] * 3 + ["footprints"]
    lost = footprints[0]
    assert (lost["trial"], lost["stage"], lost["invocation"]) == ("broken", "load", 4)
    assert {one.get("trial") for one in invocation} == {"a", None}


def test_session_of_trials_that_are_all_lost_there_still_answers() -> None:
    """The host hears of an invocation without trials, and the agent waits for its answer."""
    footprints, invocation = served(planned(null_trial(work="0"), footprints=1), b"another\n")
    assert kinds(footprints) == ["lost", "footprints"]
    assert kinds(invocation) == ["invocation"]


def test_without_footprints_none_are_taken() -> None:
    """A plan may leave them out: then the first write is the first invocation."""
    assert [kinds(chunk)[-1] for chunk in served(planned(A, rounds=1), STOP)] == ["invocation"]


def test_without_rounds_trials_are_checked_and_not_timed() -> None:
    """Each is started for its memory and for its outputs, and called once both times: no block, no warm-up."""
    plan = planned(A, B, footprints=1, rounds=0, warm_up_s=0.0, warm_up_cap_s=0.0, together=False)
    footprints, invocation = served(plan, STOP)
    assert [one["calls"] for one in of(footprints, "footprint")] == [1, 1]
    assert sorted(kinds(invocation)) == ["closed"] * 2 + ["invocation"] + ["ready"] * 2
    for ready in of(invocation, "ready"):
        assert (ready["start_up_ns"], ready["warm_up_ns"], ready["steady"]) == ([], [], True)
        assert ready["threads_found"] is None


# --- watching --------------------------------------------------------------------------------------------------------


def test_what_can_be_watched_is_told_first() -> None:
    """One record a session, before all others, names every signal once: where it is read, or why it is not."""
    chunks = served(planned(A, watch=True, footprints=1, rounds=1), b"another\n", STOP)
    records = list(itertools.chain(*chunks))
    assert kinds(records).count("signals") == 1
    signals = records[0]
    assert signals["event"] == "signals"
    assert sorted(signals["present"] | signals["absent"]) == [
        "clock",
        "cpu_waiting",
        "governor",
        "io_waiting",
        "memory_stalled",
        "steal",
        "temperature",
        "throttled",
    ]
    assert not signals["present"].keys() & signals["absent"].keys()


def test_every_round_is_watched_once() -> None:
    """A record a round covers all of its blocks and begins after the canary has sung."""
    (records,) = served(planned(A, B, watch=True, rounds=3), STOP)
    watched, blocks = of(records, "watched"), of(records, "block")
    assert [(one["invocation"], one["round"], one["trial"]) for one in watched] == [
        (0, number, None) for number in (0, 1, 2)
    ]
    for one in watched:
        inside = [block for block in blocks if block["round"] == one["round"]]
        assert len(inside) == 2
        assert all(covers(one, block) for block in inside)
        assert min(one["loop_ns"], one["stream_ns"]) > 0


def test_trials_that_run_alone_are_watched_each() -> None:
    """Where workers do not fit into the memory together a round belongs to one trial, and its record says which."""
    (records,) = served(planned(A, B, watch=True, together=False), STOP)
    watched = of(records, "watched")
    assert sorted((one["trial"], one["round"]) for one in watched) == [("a", 0), ("a", 1), ("b", 0), ("b", 1)]
    for one in watched:
        (block,) = (b for b in of(records, "block") if (b["trial"], b["round"]) == (one["trial"], one["round"]))
        assert covers(one, block)


def test_round_without_blocks_is_not_watched() -> None:
    """A slow trial leaves out every other pair of rounds; where nobody measures there is nothing to watch."""
    (records,) = served(planned(SLOW, watch=True, rounds=5), STOP)
    assert [one["round"] for one in of(records, "block")] == [0, 1, 4]
    assert [one["round"] for one in of(records, "watched")] == [0, 1, 4]


def test_nobody_watches_unless_asked_to() -> None:
    """Without `watch` there is no signal and no canary: what a session costs without them can be compared."""
    (records,) = served(planned(A, watch=False), STOP)
    assert not of(records, "signals")
    assert not of(records, "watched")


def covers(watched: Json, block: Json) -> bool:
    """Tell whether a block lies within a watched round, on the one clock that agent and workers share."""
    end = watched["start_ns"] + watched["wall_ns"]
    return bool(watched["start_ns"] < block["start_ns"] and block["start_ns"] + sum(block["wall_ns"]) < end)


# --- paced -----------------------------------------------------------------------------------------------------------


def test_paced_block_has_the_calls_of_a_second() -> None:
    """Thirty calls at 30 Hz, one a sample, without a priming call; every figure for every call."""
    (records,) = served(planned(A, pace_hz=30.0, rounds=1), STOP)
    (block,) = of(records, "block")
    for name in ("wall_ns", "cpu_ns", "involuntary_switches", "major_faults", "response_ns"):
        assert len(block[name]) == 30
    assert (block["calls"], block["priming_ns"]) == (1, None)


def test_response_counts_from_the_time_at_which_a_call_was_due() -> None:
    """A call never starts early: its response is at least its own span."""
    (records,) = served(planned(A, pace_hz=100.0, rounds=1), STOP)
    (block,) = of(records, "block")
    assert all(response >= wall for response, wall in zip(block["response_ns"], block["wall_ns"], strict=True))


@pytest.mark.slow
def test_calls_that_are_late_start_at_once_and_none_is_dropped() -> None:
    """Calls longer than the period queue up: each response holds the calls before it, less the periods in between."""
    (records,) = served(
        planned(null_trial(work="2000000"), pace_hz=50.0, rounds=1), STOP
    )  # 30 ms and more, every 20 ms
    (block,) = of(records, "block")
    period_ns = round(1e9 / 50)
    assert len(block["wall_ns"]) == 50
    assert min(block["wall_ns"]) > period_ns
    behind = [sum(block["wall_ns"][: number + 1]) - number * period_ns for number in range(50)]
    assert all(response >= least for response, least in zip(block["response_ns"], behind, strict=True))
    assert block["response_ns"] == sorted(block["response_ns"])
