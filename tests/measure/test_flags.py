"""Each flag at a known truth, and no flag without a reason."""

from dataclasses import replace

import pytest

from edgebench.board.wire import Block, Parity, Ready
from edgebench.measure.flags import of_blocks, of_start

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
        ([100, 100, 1000], ["contended"]),
        ([100, 1000], ["contended"]),  # half of them
    ],
)
def test_processor_that_was_taken_away(cpu_ns: list[int], flags: list[str]) -> None:
    """A single thread that did not run for 5 % of the wall time, in half of its samples or more, was contended."""
    assert of_blocks(1, [block(cpu_ns)]) == flags


def test_samples_of_all_blocks_count_together() -> None:
    """Half of all samples, not half of the blocks."""
    assert of_blocks(1, [block([100]), block([1000] * 4)]) == []
    assert of_blocks(1, [block([100] * 4), block([1000])]) == ["contended"]


def test_cpu_time_of_several_threads_says_nothing() -> None:
    """Two threads that wait for each other are not contended."""
    assert of_blocks(2, [block([500, 500])]) == []


def test_waiting_for_the_disk() -> None:
    """One major fault in steady state is enough, at any number of threads."""
    assert of_blocks(1, [block([1000, 1000], faults=1)]) == ["paging"]
    assert of_blocks(4, [block([1000, 1000], faults=1)]) == ["paging"]
    assert of_blocks(1, [block([100, 100], faults=1)]) == ["contended", "paging"]
    assert of_blocks(1, []) == []
