"""What the host makes of an agent's lines, and how it reaches and ends an agent on this machine."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psutil
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgebench.board import wire
from edgebench.board.wire import (
    Answered,
    Block,
    ByLayer,
    Closed,
    Event,
    Hello,
    InvocationDone,
    LayerTimes,
    Lost,
    Parity,
    Ready,
    Refused,
    SessionPlan,
    TrialPlan,
    encode,
)
from edgebench.measure.local import Local
from edgebench.measure.transport import Connection, LinkLost, decode

READY = Ready(
    session="s1",
    invocation=0,
    trial="lenet5|onnxruntime|fp32|threads=1|batch=1",
    runtime_version="1.31.1",
    precision_found="fp32",
    provider="CPUExecutionProvider",
    threads_found=1,
    threads_alive=2,
    import_s=0.03,
    load_s=0.004,
    first_call_s=0.0004,
    start_up_ns=(21000, 20500),
    warm_up_ns=(470000, 460000),
    warm_up_calls=23,
    steady=True,
    call_s=2e-05,
    cpus=(1,),
    parity=Parity(max_abs_diff=6e-07, scale=1.4),
    foreign_modules=(),
)
BLOCK = Block(
    session="s1",
    invocation=0,
    round=3,
    position=1,
    trial="t",
    start_ns=3_094_239_789_168,
    calls=2,
    priming_ns=None,
    wall_ns=(738351, 731440),
    cpu_ns=(740390, 731880),
    involuntary_switches=(0, 1),
    major_faults=(0, 0),
)
RECORDS: list[Event] = [
    Hello(protocol=1, pid=4711, facts={"machine": "aarch64", "clocks": [{"now_hz": None}], "cores": 4}),
    READY,
    BLOCK,
    Closed(session="s1", invocation=0, trial="t"),
    Lost(
        session="s1",
        invocation=0,
        trial="t",
        stage="block",
        reason="ended by SIGKILL",
        exit_status=None,
        signal="SIGKILL",
        stderr_tail='two lines,\n"quotes" and 10 \N{GREEK SMALL LETTER MU}s',
    ),
    InvocationDone(session="s1", invocation=0, seconds=1.5),
    Answered(session="s1", trial="t", part=1, classes=((3, 1), (), (0, 2))),
    ByLayer(
        session="s1",
        trial="t",
        source="runtime",
        whole_ns=(5, 6),
        layers=(LayerTimes(name="fc", operation="Gemm", wall_ns=(1, 2), weight=(4, 8), in_channels=8, positions=1),),
    ),
    Refused(message="3 threads asked for: this side may use 2 processors"),
]


def fields(record: Event, **changed: Any) -> bytes:
    """A record as a line, with some of its fields changed, added, or taken out (by Ellipsis)."""
    found = {**json.loads(encode(record)), **changed}
    return json.dumps({key: value for key, value in found.items() if value is not ...}).encode() + b"\n"


# --- decoding --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("record", RECORDS, ids=lambda record: record.event)
def test_record_arrives_as_it_was_sent(record: Event) -> None:
    """Every record is one line, and what the host decodes is equal to what the agent encoded."""
    line = encode(record)
    assert line.index(b"\n") == len(line) - 1
    assert decode(line) == record


COUNTS = st.lists(st.integers(0, 2**63), max_size=4).map(tuple)


@given(st.builds(Block, start_ns=st.integers(0, 2**63), wall_ns=COUNTS, cpu_ns=COUNTS, trial=st.text()))
def test_any_block_arrives_as_it_was_sent(block: Block) -> None:
    """Nanoseconds and names survive the wire whatever they are."""
    assert decode(encode(block)) == block


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"\n",
        b"\xff\n",
        b"Segmentation fault\n",
        b"null\n",
        b"[]\n",
        fields(BLOCK)[:-3],
        fields(BLOCK, event=...),
        fields(BLOCK, event="blocks"),
        fields(BLOCK, calls=...),
        fields(BLOCK, surprise=1),
        fields(BLOCK, calls="2"),
        fields(BLOCK, calls=2.0),
        fields(BLOCK, calls=True),
        fields(BLOCK, calls=None),
        fields(BLOCK, wall_ns=[1, "2"]),
        fields(BLOCK, trial=7),
        fields(READY, steady=1),
        fields(READY, parity={"max_abs_diff": 1.0}),
        fields(READY, parity={"max_abs_diff": 1.0, "scale": 1.0, "sign": 1}),
        fields(READY, call_s=float("nan")),
        fields(READY, call_s=float("inf")),
        fields(READY, parity={"max_abs_diff": float("nan"), "scale": 1.0}),
        fields(READY).replace(b"2e-05", b"1e999"),
    ],
)
def test_what_is_no_record_loses_the_link(line: bytes) -> None:
    """A field missing, unknown, of another type or not finite, and a line that is no record, are not guessed at."""
    with pytest.raises(LinkLost, match="the agent sent no record of this protocol"):
        decode(line)


def test_message_names_the_field() -> None:
    """Whoever sees the message knows what to look at."""
    with pytest.raises(LinkLost, match=r"'block', 'calls'.*valid integer"):
        decode(fields(BLOCK, calls="2"))


# --- connections -----------------------------------------------------------------------------------------------------


@contextmanager
def program(code: str) -> Iterator[Connection]:
    """A connection to a Python program that stands where an agent should be."""
    with tempfile.TemporaryFile() as stderr:
        process = subprocess.Popen(
            [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=stderr
        )
        connection = Connection(process, stderr)
        try:
            yield connection
        finally:
            connection.end()


def test_line_that_is_too_long_is_refused() -> None:
    """A line without an end does not fill the host's memory."""
    code = f"print('x' * {wire.MAX_LINE_BYTES + 1})"
    with program(code) as connection, pytest.raises(LinkLost, match=f"of more than {wire.MAX_LINE_BYTES} bytes"):
        connection.receive()


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("pass", r"the agent ended \(exit status 0\)$"),
        ("raise SystemExit('no numpy')", r"the agent ended \(exit status 1\); its last words: no numpy$"),
        ("print('{\"event\"', end='')", r"the agent ended \(exit status 0\)$"),
        ("import os; os.kill(os.getpid(), 9)", r"the agent ended \(signal 9\)$"),
    ],
)
def test_end_of_an_agent_is_told(code: str, message: str) -> None:
    """How it ended and the last it said are in the message; half a line is no record."""
    with program(code) as connection, pytest.raises(LinkLost, match=message):
        connection.receive()


def test_agent_that_falls_silent_loses_the_link() -> None:
    """A board that hangs while its connection lives is not waited for without end; what it said before is heard."""
    code = 'print(\'{"event": "alive"}\', flush=True); import time; time.sleep(60)'
    with program(code) as connection:
        assert connection.receive(limit_s=30).event == "alive"
        with pytest.raises(LinkLost, match=r"^no word from it within 0\.2 s$"):
            connection.receive(limit_s=0.2)


def test_lines_that_come_together_are_read_one_by_one() -> None:
    """Several records in one chunk, and one record in several, are what they were when they were written."""
    code = 'import time\nfor part in (\'{"event": "alive"}\\n{"ev\', \'ent": "alive"}\\n\'):'
    code += " print(part, end='', flush=True); time.sleep(0.05)"
    with program(code) as connection:
        assert [connection.receive(limit_s=30).event for _ in range(2)] == ["alive", "alive"]
        with pytest.raises(LinkLost, match=r"exit status 0"):
            connection.receive(limit_s=30)


def test_agent_says_who_it_is() -> None:
    """The first line is the agent's own: protocol, process and the facts of this machine."""
    with Local().agent() as (_, hello):
        assert hello.protocol == wire.PROTOCOL
        assert "edgebench.board.agent" in psutil.Process(hello.pid).cmdline()
        assert hello.facts["machine"] == os.uname().machine
        assert hello.facts["cpus_allowed"] == sorted(os.sched_getaffinity(0))


def test_agent_that_is_killed_loses_the_link() -> None:
    """A host that waits for an agent is told when it dies, and sending to it raises nothing."""
    with Local().agent() as (connection, hello):
        os.kill(hello.pid, signal.SIGKILL)
        with pytest.raises(LinkLost, match=r"the agent ended \(signal 9\)"):
            connection.receive()
        connection.send(b"another\n")
        connection.end()
        connection.end()


@pytest.mark.parametrize("ending", [signal.SIGTERM, signal.SIGKILL])
def test_workers_end_with_their_agent(ending: signal.Signals) -> None:
    """However an agent ends in the middle of an invocation, no worker stays, not even a stopped one."""
    trial = TrialPlan(
        id="a",
        backend="null",
        options={},
        precision="fp32",
        threads=1,
        batch=1,
        artefact=None,
        inputs=None,
        reference=None,
    )
    plan = SessionPlan(
        session="s1",
        seed=1,
        trials=(trial,),
        together=True,
        rounds=100_000,
        first_invocation=0,
        block_s=0.05,
        warm_up_s=0.01,
        warm_up_cap_s=0.01,
        stage_limit_s=60,
        spool=None,
    )
    with Local().agent() as (connection, hello):
        connection.send(encode(plan))
        workers = first_workers(hello.pid)
        os.kill(hello.pid, ending)
        assert len(workers) == 1
        assert has_ended(workers[0])


def has_ended(process: psutil.Process) -> bool:
    """Tell whether a process comes to its end; whether anybody asks for its status is not its business."""
    deadline = time.perf_counter() + 10
    with contextlib.suppress(psutil.NoSuchProcess):
        while process.status() != psutil.STATUS_ZOMBIE:
            if time.perf_counter() > deadline:
                return False
            os.sched_yield()
    return True


def first_workers(agent: int) -> list[psutil.Process]:
    """The workers of an agent, as soon as there are some."""
    deadline = time.perf_counter() + 30
    while time.perf_counter() < deadline:
        found = psutil.Process(agent).children()
        if any("edgebench.board.worker" in one.cmdline() for one in found):
            return found
        os.sched_yield()
    raise AssertionError("the agent started no worker")
