"""Differences of context: what both sides state."""

from dataclasses import replace

from edgebench.judge import context
from edgebench.measure.plan import Protocol
from tests.judge.test_compare import trial
from tests.store.test_tables import SMALL, ended, started, told


def test_what_one_side_does_not_state_is_no_difference() -> None:
    """None on either side is unknown, and the same is no difference."""
    before = {"threads": "1", "clock": None, "governor": "performance", "kernel": "6.1"}
    after = {"threads": "4", "clock": "1.5 GHz", "governor": None, "kernel": "6.1"}
    (found,) = context.differences(before, after)
    assert (found.what, found.before, found.after) == ("threads", "1", "4")


def test_a_run_states_machine_versions_and_protocol() -> None:
    """Kernel, package and protocol are named; memory that happens to be free is not."""
    one = told(started(SMALL, facts={"kernel": "6.1", "memory_available_bytes": 1}), ended()).started
    other = replace(
        one,
        facts={"kernel": "6.2", "memory_available_bytes": 2},
        versions={"numpy": "2.5"},
        protocol=Protocol(invocations=10),
    )
    before, after = (context.of_run(told(each, ended())) for each in (one, other))
    found = list(context.differences(before, after))
    assert [each.what for each in found] == ["kernel", "package numpy", "protocol: invocations"]


def test_a_trial_states_its_file_and_its_runtime() -> None:
    """Another artefact and another runtime are told, the file by the first digits of its hash."""
    one, other = trial(artefact_sha256="a" * 64, runtime_version="1"), trial(artefact_sha256="b" * 64)
    (found,) = context.differences(context.of_trial(one), context.of_trial(other))
    assert (found.what, found.before) == ("artefact", "sha256 aaaaaaaaaaaa")


def test_clocks_that_are_told_a_little_differently_are_the_same() -> None:
    """From 3 % on two clocks are two."""
    slow, quick = trial(clock_highest_hz=1_500_000_000), trial(clock_highest_hz=1_800_000_000)
    assert [one.after for one in context.clocks(slow, quick)] == ["1.80 GHz"]
    assert not list(context.clocks(slow, trial(clock_highest_hz=1_510_000_000)))
    assert not list(context.clocks(slow, trial()))
