"""What an agent reads and writes, in sessions that it serves inside this process."""

import json
import os
import subprocess
import sys
from dataclasses import replace

import pytest

from edgebench.board import wire
from edgebench.board.wire import PROTOCOL
from tests.board.serving import SHORT, Writes, kinds, null_trial, planned, serve, served

pytestmark = pytest.mark.usefixtures("_own_processors")


def test_nothing_is_written_while_workers_measure() -> None:
    """An invocation reaches the host in one write when it is over, never record by record."""
    invocation = ["ready", "block", "block", "closed", "invocation"]
    assert [kinds(chunk) for chunk in served(SHORT, b"another\n", b"stop\n")] == [invocation, invocation]


@pytest.mark.parametrize("answers", [[b"stop\n"], [b"\n"], [b"something else\n"], []])
def test_session_ends_unless_another_invocation_is_asked_for(answers: list[bytes]) -> None:
    """Any answer but `another`, and a host that is gone, end the session; nothing is measured that nobody wants."""
    assert len(served(SHORT, *answers)) == 1


def test_answer_to_a_session_of_lost_trials_is_not_taken_for_a_plan() -> None:
    """When all trials are lost the agent still waits for its answer, so that the next session is not refused."""
    stream = Writes()
    plan = wire.encode(planned(null_trial(work="0")))
    serve(plan, b"stop\n", plan, b"another\n", stream=stream)
    found = [kinds([json.loads(line) for line in chunk.splitlines()]) for chunk in stream.chunks]
    assert found == [["hello"], ["lost", "invocation"], ["lost", "invocation"]]


def test_what_is_no_plan_is_refused_and_the_next_one_served() -> None:
    """Garbage and too many threads are answered with one sentence each; the agent stays."""
    stream = Writes()
    crowd = replace(SHORT, trials=(null_trial(threads=10_000),))
    serve(b"garbage\n", wire.encode(crowd), wire.encode(SHORT), b"stop\n", stream=stream)
    hello, garbage, crowded, measured = stream.chunks
    assert json.loads(garbage)["message"].startswith(f"no request of protocol {PROTOCOL}")
    allowed = len(os.sched_getaffinity(0) | set(json.loads(hello)["facts"]["cpus_allowed"]))
    assert json.loads(crowded)["message"] == f"10000 threads asked for: this side may use {allowed} processors"
    assert json.loads(measured.splitlines()[-1])["event"] == "invocation"


def test_agent_leaves_the_processors_of_its_workers() -> None:
    """The agent keeps to the processors that no worker uses, if there are any; watching, it returns to them."""
    allowed = sorted(os.sched_getaffinity(0))
    (records,) = served(replace(SHORT, watch=True), b"stop\n")
    assert [record["cpus"] for record in records if record["event"] == "ready"] == [allowed[-1:]]
    assert sorted(os.sched_getaffinity(0)) == (allowed[:-1] or allowed)


def test_hello_names_runtimes_and_what_is_broken() -> None:
    """The first line has the protocol, the versions of the runtimes, and no broken backend in this tree."""
    stream = Writes()
    serve(stream=stream)
    hello = json.loads(stream.chunks[0])
    assert (hello["protocol"], hello["pid"], hello["broken"]) == (PROTOCOL, os.getpid(), {})
    assert hello["runtimes"]["null"] == ""


def test_agent_imports_neither_numpy_nor_a_runtime() -> None:
    """The agent stays small beside its workers: the standard library and our own modules."""
    code = "import sys; import edgebench.board.agent; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not {"numpy", "pydantic", "torch", "onnxruntime"} & set(done.stdout.split())
