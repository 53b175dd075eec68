"""An agent that serves sessions of the null backend inside this process, and what it writes."""

import io
import json
from dataclasses import replace
from typing import Any, BinaryIO

from edgebench.board import agent, wire
from edgebench.board.outbox import Outbox
from edgebench.board.wire import SessionPlan, TrialPlan

Json = dict[str, Any]


class Writes(io.BytesIO):
    """A stream that remembers what came with each write."""

    def __init__(self) -> None:
        super().__init__()
        self.chunks: list[bytes] = []

    def write(self, data: Any, /) -> int:
        """Keep a chunk."""
        self.chunks.append(bytes(data))
        return super().write(data)


def null_trial(name: str = "a", twin_of: str | None = None, threads: int = 1, **options: str) -> TrialPlan:
    """A trial that needs no files."""
    return TrialPlan(
        id=name,
        backend="null",
        options=options,
        precision="fp32",
        threads=threads,
        batch=1,
        artefact=None,
        inputs=None,
        reference=None,
        twin_of=twin_of,
    )


SHORT = SessionPlan(
    session="s1",
    seed=1,
    trials=(null_trial(),),
    together=True,
    rounds=2,
    first_invocation=0,
    block_s=0.001,
    warm_up_s=0.01,
    warm_up_cap_s=0.01,
    stage_limit_s=60,
    spool=None,
    watch=False,
)
"""A session of one trial without a twin, of two short rounds that nobody watches."""


def planned(*trials: TrialPlan, **changes: Any) -> SessionPlan:
    """A session of these trials that is like `SHORT` else."""
    return replace(SHORT, trials=trials, **changes)


def serve(*lines: bytes, stream: BinaryIO) -> None:
    """Have the agent read these lines and write to this stream."""
    agent.serve(io.BytesIO(b"".join(lines)), Outbox(stream))


def served(plan: SessionPlan, *answers: bytes) -> list[list[Json]]:
    """The records of a session, one list a write to the host."""
    stream = Writes()
    serve(wire.encode(plan), *answers, stream=stream)
    return [[json.loads(line) for line in chunk.splitlines()] for chunk in stream.chunks[1:]]


def of(records: list[Json], event: str) -> list[Json]:
    """The records of one kind, in the order they came."""
    return [record for record in records if record["event"] == event]


def kinds(records: list[Json]) -> list[str]:
    """The kinds of records, in the order they came."""
    return [record["event"] for record in records]
