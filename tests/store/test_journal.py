from pathlib import Path
from typing import IO

import pytest

from edgebench.analysis.cost import LayerCost
from edgebench.board.wire import (
    Answered,
    Block,
    ByLayer,
    Closed,
    EnergySource,
    EnergyWindow,
    Footprint,
    FootprintsDone,
    Gated,
    InvocationDone,
    LayerTimes,
    Lost,
    Parity,
    Ready,
    SensorTrouble,
    Signals,
    Watched,
    encode,
)
from edgebench.errors import LostTrialError, UsageError
from edgebench.measure.plan import Protocol, Session, Trial
from edgebench.store import SCHEMA, journal
from edgebench.store.records import (
    AgentLost,
    Converted,
    Counted,
    Ended,
    Line,
    NotConverted,
    NotStarted,
    Resumed,
    RunStarted,
    SessionEnded,
    assemble,
)

TRIAL = Trial(model="lenet5", backend="null", backend_options=(("work", "10"),))

STARTED = RunStarted(
    schema=SCHEMA,
    edgebench_version="0",
    started="2026-11-22T10:15:00+00:00",
    unit="host",
    device="x86",
    seed=1,
    protocol=Protocol(budget_s=60.0),
    trials=(TRIAL,),
    sessions=(Session(name="s1", seed=2, together=True, trials=(TRIAL,)),),
    formats={"null": None, "torch": "pt2"},
    watts_per_core_low=1.5,
    watts_per_core_high=None,
    facts={"machine": "x86_64", "cpus_allowed": [0, 1], "governor": None},
    versions={"numpy": "2.4"},
)

EVERY_KIND: tuple[Line, ...] = (
    STARTED,
    Counted(
        model="lenet5",
        inputs={"x": (1, 1, 32, 32)},
        mult_adds=6 * 28 * 28 * 25,
        params=6 * 25,
        bias_params=6,
        bn_params=0,
        layers=(
            LayerCost(
                name="C1",
                kind="conv_5x5",
                in_channels=1,
                out_channels=6,
                kernel=(5, 5),
                stride=(1, 1),
                groups=1,
                out_h=28,
                out_w=28,
                mult_adds=6 * 28 * 28 * 25,
                params=6 * 25,
                bias_params=6,
                bn_params=0,
            ),
        ),
    ),
    Converted(model="lenet5", batch=1, format="pt2", sha256="ab", size_bytes=9, seconds=1.5, versions={"torch": "2"}),
    NotConverted(
        model="lenet5", batch=1, format="onnx", stage="convert", reason="no\nline é", lost=False, stderr_tail="\x1b[0m"
    ),
    NotStarted(trial="vgg:depth=16|null|fp32|threads=1|batch=1", stage="memory", reason="needs 1 GiB"),
    Signals(session="s1", present={"steal": "/proc/stat"}, absent={"clock": "no cpufreq\nhere"}),
    EnergySource(
        session="s1",
        sensor="rapl",
        rung="package counter",
        rails=("package-0", "package-0/dram"),
        covers="the processor",
        unit="J",
        wraps_at_j=(262143.5, None),
        period_s=0.05,
        reading_cpu_s=2e-5,
        troubles=(SensorTrouble(sensor="battery", name="BAT0", kind="missing", reason="'Full'", advice="unplug"),),
    ),
    Footprint(
        session="s1",
        trial=TRIAL.id,
        repeat=0,
        import_bytes=1,
        load_bytes=-2,
        load_anonymous_bytes=None,
        load_file_bytes=3,
        peak_bytes=4,
        peak_is_sampled=True,
        unique_bytes=5,
        swapped_bytes=0,
        group_bytes=None,
        calls=20,
        call_s=0.5,
        start_s=0.25,
        set_inputs_s=1e-6,
        outputs_s=2e-6,
        floor_s=None,
    ),
    FootprintsDone(session="s1", seconds=2.5),
    Answered(session="s1", trial="t", part=0, classes=((1, 0), ()), reason=None),
    ByLayer(
        session="s1",
        trial="t",
        source="runtime",
        whole_ns=(5,),
        layers=(LayerTimes(name="fc", operation="Gemm", wall_ns=(1,), weight=(4, 8), in_channels=8, positions=1),),
    ),
    Gated(session="s1", invocation=0, waited_s=5.5, start_c=50.0, end_c=48.5, target_c=None, reached=True),
    Watched(
        session="s1",
        invocation=0,
        round=0,
        start_ns=2**62,
        wall_ns=9,
        loop_ns=1,
        stream_ns=2,
        steal_ns=0,
        governor="performance",
        temperature_c=41.5,
    ),
    EnergyWindow(
        session="s1",
        invocation=0,
        number=1,
        trial=TRIAL.id,
        began_ns=1,
        start_ns=2,
        end_ns=3,
        ended_ns=4,
        calls=7,
        cpu_ns=1,
        busy_s=0.25,
        at_ns=(1, 3),
        readings=((0.5, None), (1.5, 2.5)),
        trouble="package-0: gone",
    ),
    Ready(
        session="s1",
        invocation=0,
        trial=TRIAL.id,
        runtime_version="1",
        precision_found="fp32",
        provider="numpy",
        threads_found=1,
        threads_alive=2,
        import_s=0.25,
        load_s=0.5,
        first_call_s=0.125,
        start_up_ns=(5, 4),
        warm_up_ns=(3, 3, 3),
        warm_up_calls=2,
        steady=True,
        call_s=1.5e-9,
        cpus=(1,),
        parity=Parity(max_abs_diff=0.0, scale=1.0),
        foreign_modules=(),
    ),
    Block(
        session="s1",
        invocation=0,
        round=0,
        position=0,
        trial=TRIAL.id,
        start_ns=2**62,
        calls=2,
        priming_ns=None,
        wall_ns=(3, 3),
        cpu_ns=(2, 2),
        involuntary_switches=(0, 1),
        major_faults=(0, 0),
    ),
    Closed(session="s1", invocation=0, trial=TRIAL.id),
    Lost(
        session="s1",
        invocation=1,
        trial=TRIAL.id,
        stage="block",
        reason="ended by SIGKILL",
        exit_status=None,
        signal="SIGKILL",
        stderr_tail="",
    ),
    InvocationDone(session="s1", invocation=0, seconds=3.5),
    AgentLost(session="s1", reason="the agent ended"),
    Resumed(at="2026-11-22T10:20:00+00:00"),
    SessionEnded(session="s1"),
    Ended(at="2026-11-22T10:25:00+00:00", how="done"),
)

DONE = Ended(at="2026-11-22T10:25:00+00:00", how="done")
INTERRUPTED = Ended(at="2026-11-22T10:25:00+00:00", how="interrupted")
RESUMED = Resumed(at="2026-11-22T10:30:00+00:00")
AGENT_LOST = AgentLost(session="s1", reason="signal 9")


def write(path: Path, *records: Line) -> Path:
    """Append records to a journal as a run does."""
    with journal.opened(path) as opened:
        for record in records:
            opened.append(record)
    return path


def test_every_kind_of_line_is_tried_here() -> None:
    """A kind of line that is added to the journal is added to the round trip below."""
    assert {type(line) for line in EVERY_KIND} == set(Line.__args__)


@pytest.mark.parametrize("record", EVERY_KIND, ids=lambda record: record.event)
def test_a_line_comes_back_as_it_was_written(record: Line, tmp_path: Path) -> None:
    """Each kind of record is read back equal, types of numbers and nested tuples included."""
    (found,) = journal.lines(write(tmp_path / "journal.jsonl", record))
    assert found == record
    assert encode(found) == encode(record)


def test_lines_keep_their_order(tmp_path: Path) -> None:
    """A journal that was closed and opened again goes on behind its last line."""
    path = write(tmp_path / "journal.jsonl", *EVERY_KIND[:5])
    write(path, *EVERY_KIND[5:])
    assert tuple(journal.lines(path)) == EVERY_KIND


@pytest.mark.parametrize("half", [b'{"event":"resu', b"{", b'{"at":"x","event":"resumed"}'])
def test_half_a_last_line_is_left_out(half: bytes, tmp_path: Path) -> None:
    """What a power cut left without its newline is no record, even where it happens to be whole JSON."""
    path = write(tmp_path / "journal.jsonl", STARTED, DONE)
    path.write_bytes(path.read_bytes() + half)
    assert tuple(journal.lines(path)) == (STARTED, DONE)


def test_half_a_last_line_is_cut_off_on_reopening(tmp_path: Path) -> None:
    """A run that is resumed writes its next line where the half line began."""
    path = write(tmp_path / "journal.jsonl", STARTED, DONE)
    whole = path.read_bytes()
    path.write_bytes(whole + b'{"event":"ses')
    write(path, RESUMED)
    assert path.read_bytes() == whole + encode(RESUMED)


def test_a_journal_of_half_a_line_begins_anew(tmp_path: Path) -> None:
    """A first line that never became whole leaves nothing behind."""
    path = tmp_path / "journal.jsonl"
    path.write_bytes(b'{"schema":1')
    write(path, STARTED)
    assert tuple(journal.lines(path)) == (STARTED,)


@pytest.mark.parametrize(
    ("line", "words"),
    [
        (b"no JSON", "Invalid JSON"),
        (b"", "Invalid JSON"),
        (b'{"event":"surprise"}', "surprise"),
        (b'{"event":"resumed"}', "resumed: at: "),
        (b'{"event":"resumed","at":5}', "resumed: at: "),
        (b'{"event":"resumed","at":"x","on":1}', "resumed: on: "),
    ],
)
def test_a_wrong_line_is_one_sentence_with_its_number(line: bytes, words: str, tmp_path: Path) -> None:
    """A line in the middle that is none of this version's is refused, never skipped; lines count from 1."""
    path = write(tmp_path / "journal.jsonl", STARTED)
    path.write_bytes(path.read_bytes() + line + b"\n" + encode(DONE))
    with pytest.raises(UsageError) as refused:
        list(journal.lines(path))
    message = str(refused.value)
    assert message.startswith(f"{path}: line 2 is no record of this version: ")
    assert words in message
    assert ": : " not in message
    assert "\n" not in message


def test_a_line_that_the_disk_takes_in_parts_is_written_whole(tmp_path: Path) -> None:
    """A write may take fewer bytes than it was given; the rest follows."""

    class Slow:
        """A file on a disk that is nearly full: three bytes at a time."""

        def __init__(self, file: IO[bytes]) -> None:
            self._file = file

        def write(self, data: bytes) -> int:
            """Take three bytes."""
            return self._file.write(data[:3])

        def fileno(self) -> int:
            """Return the real file's."""
            return self._file.fileno()

    path = tmp_path / "journal.jsonl"
    with path.open("ab", buffering=0) as file:
        journal.Journal(path, Slow(file)).append(STARTED)  # type: ignore[arg-type] # what append uses of a file
    assert tuple(journal.lines(path)) == (STARTED,)


def test_a_full_disk_is_a_lost_trial() -> None:
    """A line that the disk does not take is said at once, with what to do, and exits with the code of a loss."""
    full = Path("/dev/full")
    with full.open("ab", buffering=0) as file, pytest.raises(LostTrialError, match=r"No space left.*--resume") as lost:
        journal.Journal(full, file).append(STARTED)
    assert lost.value.exit_code == 3


@pytest.mark.parametrize("schema", [SCHEMA - 1, SCHEMA + 1])
def test_a_journal_of_another_schema_is_refused_in_one_sentence(schema: int, tmp_path: Path) -> None:
    """An older or newer journal is named as one, with who wrote it and what to do, whatever else it holds."""
    path = tmp_path / "journal.jsonl"
    path.write_bytes(b'{"schema":%d,"edgebench_version":"0.0.9","unknown":[],"event":"run"}\n' % schema)
    with pytest.raises(UsageError) as refused:
        list(journal.lines(path))
    assert str(refused.value) == (
        f"{path} has schema {schema}, written by edgebench '0.0.9': this one reads schema {SCHEMA}; read it with the "
        "edgebench that wrote it, or measure again."
    )


@pytest.mark.parametrize("line", [b'{"schema":"2","event":"run"}', b'[{"event":"run"}', b'{"event":"run"}'])
def test_a_first_line_without_a_schema_is_no_record(line: bytes, tmp_path: Path) -> None:
    """A line that ends like a plan and names no schema is told by its number, as any wrong line."""
    path = tmp_path / "journal.jsonl"
    path.write_bytes(line + b"\n")
    with pytest.raises(UsageError, match="line 1 is no record of this version"):
        list(journal.lines(path))


@pytest.mark.parametrize("record", EVERY_KIND, ids=lambda record: record.event)
def test_a_line_ends_with_its_kind(record: Line) -> None:
    """The kind of a line can be told from its end, so that `unfinished` need not read what stands before it."""
    assert encode(record).endswith(b',"event":"%s"}\n' % record.event.encode())


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        ((), False),
        ((DONE,), False),
        ((STARTED,), True),
        ((STARTED, DONE), False),
        ((STARTED, INTERRUPTED), True),
        ((STARTED, AGENT_LOST, DONE), True),
        ((STARTED, AGENT_LOST, DONE, RESUMED), True),
        ((STARTED, AGENT_LOST, DONE, RESUMED, DONE), False),
        ((STARTED, AGENT_LOST, INTERRUPTED, RESUMED, RESUMED, AGENT_LOST, DONE), True),
        (EVERY_KIND, False),
    ],
)
@pytest.mark.parametrize("half", [b"", b'{"at":"x","how":"do'])
def test_a_journal_says_at_its_end_whether_it_is_finished(
    lines: tuple[Line, ...], expected: bool, half: bytes, tmp_path: Path
) -> None:
    """A run that was not measured to its end, or lost an agent since it last went on, is unfinished."""
    path = write(tmp_path / "journal.jsonl", *lines)
    run = assemble(journal.lines(path))
    path.write_bytes(path.read_bytes() + half)
    assert journal.unfinished(path) is expected
    assert (run is not None and (run.ended != "done" or bool(run.agent_lost))) is expected


def test_words_in_a_line_are_not_taken_for_its_kind(tmp_path: Path) -> None:
    """A reason that reads like the end of another line does not make the run one whose agent was lost."""
    loud = NotStarted(trial="t", stage="memory", reason=',"event":"agent_lost"}\n')
    assert not journal.unfinished(write(tmp_path / "journal.jsonl", STARTED, loud, DONE))


@pytest.mark.parametrize("lines", [(), (DONE,), (EVERY_KIND[4], STARTED)])
def test_a_journal_that_does_not_begin_with_a_run_is_none(lines: tuple[Line, ...]) -> None:
    """Only a journal whose first line is the plan tells a run."""
    assert assemble(lines) is None


def test_a_run_sorts_its_lines_by_kind() -> None:
    """Every line is found again under its kind, conversions by what they made."""
    run = assemble(EVERY_KIND)
    assert run is not None
    assert run.started == STARTED
    assert set(run.counted) == {"lenet5"}
    assert set(run.converted) == {("lenet5", 1, "pt2")}
    assert [len(found) for found in (run.not_converted, run.ready, run.blocks, run.closed, run.lost)] == [1] * 5
    assert [len(found) for found in (run.footprints, run.watched)] == [1] * 2
    assert run.signals["s1"].present == {"steal": "/proc/stat"}
    assert run.footprints_done == {"s1": 2.5}
    assert run.invocations == {"s1": (0,)}
    assert run.sessions_ended == {"s1"}
    assert run.ended == "done"


def test_a_lost_agent_stays_lost_until_the_run_is_resumed() -> None:
    """The loss of an agent is its session's fate, and forgotten once the run goes on."""
    lost = assemble((STARTED, AGENT_LOST, DONE))
    resumed = assemble((STARTED, AGENT_LOST, DONE, RESUMED))
    assert lost is not None
    assert resumed is not None
    assert (lost.agent_lost, lost.ended) == ({"s1": "signal 9"}, "done")
    assert (resumed.agent_lost, resumed.ended) == ({}, None)


def test_the_last_agent_says_what_it_watches() -> None:
    """Of two agents that measured a session the later one's signals are those of the session."""
    first, second = (Signals(session="s1", present={}, absent={"steal": said}) for said in ("no", "none"))
    run = assemble((STARTED, first, RESUMED, second))
    assert run is not None
    assert run.signals == {"s1": second}


def test_only_what_came_before_the_last_resumption_is_forgotten() -> None:
    """An agent that was lost again, and an end that came again, count."""
    run = assemble((STARTED, AGENT_LOST, DONE, RESUMED, RESUMED, AGENT_LOST, INTERRUPTED))
    assert run is not None
    assert run.agent_lost == {"s1": "signal 9"}
    assert run.ended == "interrupted"


def test_a_resumed_run_keeps_what_was_measured() -> None:
    """Samples, lost workers, completed invocations and ended sessions outlive a resumption."""
    before = assemble(EVERY_KIND)
    after = assemble((*EVERY_KIND, RESUMED))
    assert before is not None
    assert after is not None
    assert after.ended is None
    kept = ("ready", "blocks", "closed", "lost", "invocations", "sessions_ended", "counted", "converted")
    for name in (*kept, "signals", "footprints", "footprints_done", "watched"):
        assert getattr(after, name) == getattr(before, name)
