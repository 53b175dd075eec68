"""The board's side of the wire; what the host makes of these lines is in tests/measure/test_transport.py."""

import dataclasses
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgebench.board.wire import (
    HEARTBEAT_S,
    PROTOCOL,
    EnergyPlan,
    LayerFile,
    SensorsAsked,
    SessionPlan,
    TrialPlan,
    WireError,
    decode_request,
    decode_session,
    encode,
    longest_silence_s,
)
from tests.board.serving import planned

TEXT = st.text(max_size=20)
SECONDS = st.floats(0, 1000)
PLANS = st.builds(
    SessionPlan,
    session=TEXT,
    seed=st.integers(0, 2**63),
    trials=st.lists(
        st.builds(
            TrialPlan,
            id=TEXT,
            backend=TEXT,
            options=st.dictionaries(TEXT, TEXT, max_size=3),
            precision=TEXT,
            threads=st.integers(1, 8),
            batch=st.integers(1, 8),
            artefact=st.none() | TEXT,
            inputs=st.none() | TEXT,
            reference=st.none() | TEXT,
            floor=st.none() | TEXT,
            floor_inputs=st.none() | TEXT,
            twin_of=st.none() | TEXT,
            images=st.lists(TEXT, max_size=2).map(tuple),
            layers=st.lists(st.builds(LayerFile, name=TEXT, artefact=TEXT, inputs=TEXT), max_size=2).map(tuple),
        ),
        min_size=1,
        max_size=2,
    ).map(tuple),
    block_s=SECONDS,
    warm_up_s=SECONDS,
    warm_up_cap_s=SECONDS,
    stage_limit_s=SECONDS,
    spool=st.none() | TEXT,
    footprints=st.integers(0, 5),
    watch=st.booleans(),
    pace_hz=st.none() | st.floats(0.1, 1000),
    gate_s=SECONDS,
    sustained_s=st.none() | SECONDS,
    energy=st.none()
    | st.builds(EnergyPlan, preference=st.lists(TEXT, max_size=2).map(tuple), meter=st.booleans(), window_s=SECONDS),
    by_layer=st.booleans(),
)


@given(PLANS)
def test_plan_arrives_as_it_was_sent(plan: SessionPlan) -> None:
    """A session plan is one line, and decoding gives an equal record back."""
    line = encode(plan)
    assert line.count(b"\n") == 1
    assert line.endswith(b"\n")
    assert decode_session(line) == plan


def plan_fields() -> dict[str, Any]:
    """The fields of a plan of one trial, as JSON has them."""
    values: dict[str, Any] = {field.name: 1 for field in dataclasses.fields(SessionPlan)}
    trial = {field.name: 1 for field in dataclasses.fields(TrialPlan)}
    return {**values, "energy": None, "trials": [{**trial, "images": [], "layers": []}]}


def test_smallest_plan_is_read() -> None:
    """The cases below are refused for what they change, not for what they start from."""
    assert len(decode_session(json.dumps(plan_fields()).encode()).trials) == 1


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"stop\n",
        b"\xff\xfe",
        b"null",
        b"3",
        b"[]",
        b"{}",
        b'{"trials": 3}',
        b'{"trials": [3]}',
        b'{"trials": [{}]}',
        json.dumps({**plan_fields(), "surprise": 1}).encode(),
        json.dumps({**plan_fields(), "trials": []}).encode(),
        json.dumps({**plan_fields(), "energy": 3}).encode(),
        json.dumps({**plan_fields(), "energy": {"surprise": 1}}).encode(),
        json.dumps({**plan_fields(), "energy": {"preference": 1}}).encode(),
        json.dumps({key: value for key, value in plan_fields().items() if key != "seed"}).encode(),
        json.dumps({**plan_fields(), "trials": [{"id": "a", "surprise": 1}]}).encode(),
        json.dumps({**plan_fields(), "trials": [{"layers": [{"surprise": 1}]}]}).encode(),
        json.dumps(plan_fields()).encode()[:-1],
    ],
)
def test_garbage_is_no_plan(line: bytes) -> None:
    """What is no JSON object, lacks a field or has one too many raises WireError with the protocol's number."""
    with pytest.raises(WireError, match=f"no session plan of protocol {PROTOCOL}"):
        decode_session(line)


def test_sensors_are_asked_for_without_more_words() -> None:
    """A request names what it asks for."""
    assert decode_request(encode(SensorsAsked())) == SensorsAsked()


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
def test_numbers_that_are_none_do_not_cross(value: float) -> None:
    """JSON knows no NaN and no infinity: a record that holds one is refused where it is made."""
    with pytest.raises(ValueError, match="not JSON compliant"):
        encode({"seconds": value})


def test_only_records_cross() -> None:
    """An object that is no record is refused by name rather than turned into text."""
    with pytest.raises(TypeError, match="PosixPath cannot cross the wire"):
        encode({"path": Path("/")})


def test_agent_may_be_silent_for_as_long_as_its_workers() -> None:
    """The host's patience grows with the limit of a stage, and is longer than what the agent needs to speak again."""
    short, long = (longest_silence_s(planned(stage_limit_s=limit)) for limit in (3.0, 300.0))
    assert short > HEARTBEAT_S + 3.0
    assert long - short == 6 * (300.0 - 3.0)
