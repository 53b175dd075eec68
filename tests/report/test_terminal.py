import io
from dataclasses import fields, replace
from typing import Any

import pytest
from rich.console import Console
from rich.table import Table

from edgebench import analysis, architectures
from edgebench.api.listing import BackendState, Suite
from edgebench.architectures import Description
from edgebench.report import lists, terminal
from edgebench.store.rows import MinuteRow, PairRow, TrialRow

LONG = "mobilenet_v1:full_convolution,width=0.25,resolution=160,shallow=true,and_more=0.123456789"
HOSTILE = ["[red]net[/red]", "[/]", "[link=http://x]net", ":boom:", r"\[net]", "net[bold", "1[0.5, 2]"]
BACKENDS = ("torch", "onnxruntime", "openvino", "null:work=20000", "null:work=4000000")

EVERYTHING = {
    "flags": "contended invalid_memory_pressure no_steady_state unstable_clock_or_bandwidth",
    "call_floor_s": 0.000123,
    "pace_hz": 33.3,
    "response_p50_s": 0.000999,
    "paced_calls": 10_000,
    "deadline_misses": 1_234,
    "burst_p50_s": 0.00987,
    "sustained_p50_s": 0.0123,
}
ENERGY = {
    "energy_j": 0.123,
    "energy_low_j": 0.0981,
    "energy_high_j": 0.145,
    "energy_above_idle_j": 0.0987,
    "energy_above_idle_low_j": -0.00123,
    "energy_above_idle_high_j": 0.112,
    "energy_rung": "calibrated model",
    "energy_idle_w": 0.987,
}
CPU_TIME = {"decided_on": "cpu time", "cpu_ratio": 25.0, "cpu_ratio_low": 24.9, "cpu_ratio_high": 25.1}


def trial(**given: Any) -> TrialRow:
    """Return a trial with the widest figures there are."""
    row = {
        **dict.fromkeys(field.name for field in fields(TrialRow)),
        "session": "s1",
        "model": "vgg:depth=16",
        "backend": "onnxruntime",
        "threads_asked": 1,
        "batch": 1,
        "twin": False,
        "status": "done",
        "latency_p50_s": 0.000987,
        "latency_p50_low_s": 0.000981,
        "latency_p50_high_s": 0.00123,
        "latency_p90_s": 0.00101,
        "memory_peak_bytes": 1023 * 2**20,
        "cpu_p50_s": 0.00998,
        "flags": "",
    }
    return TrialRow(**{**row, **given})


def pair(**given: Any) -> PairRow:
    """Return VGG against MobileNet in torch."""
    row = {
        **dict.fromkeys(field.name for field in fields(PairRow)),
        "session": "s1",
        "by": "model",
        "subject_model": "vgg:depth=16",
        "baseline_model": "mobilenet_v1",
        "subject_backend": "torch",
        "precision": "fp32",
        "threads": 1,
        "batch": 1,
        "latency_ratio": 27.2,
        "latency_ratio_low": 26.1,
        "latency_ratio_high": 28.3,
        "mult_adds_ratio": 37123.0,
        "decided_on": "wall",
        "flags": "",
    }
    return PairRow(**{**row, **given})


def minute(number: int) -> MinuteRow:
    """Return a minute with the longest words there are."""
    return MinuteRow(
        session="s1",
        trial=LONG,
        minute=number,
        blocks=60,
        latency_p50_s=0.000987,
        canary_loop_s=1e-4,
        clock_hz=1_234_567_890,
        temperature_c=101.25,
        throttled_by="under-voltage, frequency capped, throttled by the firmware, soft temperature limit",
    )


def printed(table: Table | None) -> str:
    """Return a table as a pipe gets it: 80 columns."""
    assert table is not None
    text = io.StringIO()
    Console(width=80, file=text).print(table)
    return text.getvalue()


def squeezed(text: str) -> str:
    """Return a text without blanks and line ends, which folding puts inside long names."""
    return "".join(text.split())


def tables() -> dict[str, Table | None]:
    """Return every table there is, with long names and many columns."""
    vgg = analysis.count(architectures.parse("vgg:depth=19"))
    state = BackendState(
        name="onnxruntime",
        format="onnx",
        formats={},
        precisions=("fp32",),
        options=("work",),
        distribution="onnxruntime",
        version=None,
        get_it="pip " * 9,
        status=LONG,
    )
    described = Description(name="mobilenet_v1", title=LONG, paper=LONG, parameters={LONG: "1"}, kinds={})
    return {
        "trials": terminal.trials([trial(model=LONG, backend=name, batch=16) for name in BACKENDS]),
        "trials with all there is": terminal.trials(
            [trial(model=LONG, backend=name, **EVERYTHING) for name in BACKENDS]
        ),
        "trials on a known peak": terminal.trials(
            [trial(model=LONG, backend=name, batch=16, efficiency=1.234, **EVERYTHING) for name in BACKENDS]
        ),
        "energy": terminal.energy([trial(model=LONG, backend=name, **ENERGY) for name in BACKENDS]),
        "minutes": terminal.minutes([minute(number) for number in (1, 10, 100)]),
        "lost": terminal.trials([trial(latency_p50_s=None, status="unsupported", stage="first call")]),
        "pairs": terminal.pairs([pair(subject_model=LONG, baseline_model=LONG)]),
        "pairs in two": terminal.pairs([pair(subject_backend=name) for name in BACKENDS[:2]]),
        "pairs in five": terminal.pairs([pair(subject_model=LONG, subject_backend=name) for name in BACKENDS]),
        "pairs in CPU time": terminal.pairs([pair(subject_backend=name, **CPU_TIME) for name in BACKENDS[:2]]),
        "many pairs in CPU time": terminal.pairs([pair(subject_backend=name, **CPU_TIME) for name in BACKENDS]),
        "layers": lists.layers(vgg),
        "kinds": lists.kinds(vgg),
        "operations": lists.operations(vgg.memory) if vgg.memory else None,
        "conventions": lists.conventions(vgg),
        "models": lists.models([described]),
        "backends": lists.backends([state]),
        "suites": lists.suites({"seeds": Suite(title=LONG, models=(LONG,))}),
        "facts": lists.facts({"memory_total_bytes": 2**34, "cpu_model": LONG, "cores": 4, "flags": [LONG, 1]}),
    }


@pytest.mark.parametrize("name", list(tables()))
def test_no_line_is_longer_than_80_columns(name: str) -> None:
    """Every table fits a pipe of 80 columns, with long names too, and has no colours there."""
    text = printed(tables()[name])
    assert max(len(line.rstrip()) for line in text.splitlines()) <= 80
    assert "\x1b" not in text


@pytest.mark.parametrize("name", list(tables()))
def test_nothing_is_cut_off(name: str) -> None:
    """What does not fit is folded, never replaced by an ellipsis."""
    assert "…" not in printed(tables()[name])


def test_long_names_are_shown_whole() -> None:
    """A name longer than its column goes on in the next line."""
    assert LONG in squeezed(printed(tables()["trials"]))


def test_pairs_in_many_backends_stand_below_each_other() -> None:
    """Where the backends do not fit side by side, each has a line of its own with ratio and interval."""
    text = printed(tables()["pairs in five"])
    for name in BACKENDS:
        (line,) = [line for line in text.splitlines() if name in line]
        assert line.split() == [name, "27.2x", "[26.1,", "28.3]"]


def test_a_figure_stays_in_one_line() -> None:
    """Latency with its interval, memory and CPU time of a trial are not folded, whatever the name."""
    text = printed(tables()["trials"])
    for figure in ("987 us [0.981, 1.23] ms", "1.01 ms", "1023 MiB", "9.98 ms"):
        assert figure in text


def test_efficiency_stands_beside_the_latency_where_a_peak_is_known() -> None:
    """With two digits; a trial without a bound leaves its cell empty, and without any there is no such column."""
    text = printed(terminal.trials([trial(efficiency=0.5678), trial(backend="null")]))
    assert "eff." in text
    (bounded,) = [line for line in text.splitlines() if "onnxruntime" in line]
    (other,) = [line for line in text.splitlines() if "null" in line]
    assert bounded.split()[-9:-5] == ["1.23]", "ms", "0.57", "1.01"]
    assert "0.57" not in other
    assert "eff." not in printed(tables()["trials"])


def test_energy_stands_above_its_interval() -> None:
    """In total and above idle, each in one unit, with its rung; without an interval alone; without any no table."""
    text = printed(terminal.energy([trial(**ENERGY), trial(backend="torch", energy_j=0.5, energy_rung="board rail")]))
    for figure in ("123 mJ", "98.1..145 mJ", "98.7 mJ", "-1.23..112 mJ", "987 mW", "calibrated model", "500 mJ"):
        assert figure in text
    assert terminal.energy([trial()]) is None
    assert terminal.minutes([]) is None


@pytest.mark.parametrize("name", HOSTILE)
def test_names_are_text_and_not_markup(name: str) -> None:
    """Brackets, colons and backslashes in a name of a model, backend or suite are shown as they are."""
    shown = [
        terminal.trials([trial(model=name), trial(model=name, backend=name)]),
        terminal.pairs([pair(subject_model=name, subject_backend=name)]),
        lists.suites({name: Suite(title="t", models=(name,))}),
        lists.models([Description(name=name, title=name, paper=name, parameters={name: name}, kinds={})]),
        lists.facts({"cpu_model": name}),
    ]
    for table in shown:
        assert squeezed(name) in squeezed(printed(table))


def test_a_name_with_a_line_end_stays_in_its_table() -> None:
    """A line end in a name begins a new line in the cell, and not at the edge of the terminal."""
    text = printed(terminal.trials([trial(model="two\nlines")]))
    assert "\nlines" not in text
    assert "lines" in text


def test_a_flagged_trial_is_marked() -> None:
    """Flags stand below the table, each once; a mark before the backend says which trials have one."""
    rows = [trial(flags="drift"), trial(backend="torch"), trial(flags="drift stolen")]
    text = printed(terminal.trials(rows))
    assert text.count(" ! onnxruntime") == 2
    assert "   torch" in text
    (line,) = [line for line in text.splitlines() if line.startswith("! flagged")]
    assert line.strip() == "! flagged: drift, stolen"


def test_the_call_floor_stands_beside_small_models() -> None:
    """Where an empty call takes 5 % of a latency or more it is shown; below that, or unknown, it is not."""
    for share, shown in ((0.05, True), (0.049, False)):
        text = printed(terminal.trials([trial(latency_p50_s=100e-6, call_floor_s=share * 100e-6)]))
        assert ("call floor" in text) is shown
    assert "call floor" not in printed(terminal.trials([trial(call_floor_s=None)]))


def test_a_paced_trial_shows_what_it_missed() -> None:
    """The pace stands in the title, response and missed deadlines below the trial."""
    text = printed(terminal.trials([trial(**EVERYTHING)]))
    assert "calls arrive at 33.3 Hz" in " ".join(text.split())
    words = text.split()
    assert words[words.index("response") :][:3] == ["response", "999", "us"]
    assert words[words.index("late") :][:4] == ["late", "1234", "of", "10000"]


def test_what_is_decided_on_cpu_time_says_so() -> None:
    """A pair that shared its processor shows the ratio of CPU times, marked; others stay as they are."""
    text = printed(terminal.pairs([pair(**CPU_TIME), pair(subject_backend="openvino")]))
    assert text.count("(CPU time)") == 2  # in the title, and in one cell
    assert "25.0x" in text
    assert "27.2x" in text
    assert "CPU time" not in printed(terminal.pairs([pair()]))


def test_twins_are_not_in_the_table() -> None:
    """The second measurement of a trial is a check, not a row of its own."""
    assert printed(terminal.trials([trial(), trial(twin=True)])).count("onnxruntime") == 1


def test_a_lost_trial_says_at_which_stage() -> None:
    """A trial without a latency shows status and stage in its place."""
    text = printed(terminal.trials([trial(latency_p50_s=None, status="lost", stage="load")]))
    assert "lost: load" in text


def test_threads_and_batch_are_told_where_they_are_not_one() -> None:
    """Rows of one backend are told apart by threads and batch."""
    rows = [replace(trial(), threads_asked=threads, batch=batch) for threads, batch in ((1, 1), (4, 1), (1, 8))]
    text = printed(terminal.trials([replace(row, latency_p50_low_s=None) for row in rows]))
    assert "onnxruntime x4" in text
    assert "onnxruntime batch 8" in text


def test_without_pairs_of_models_there_is_no_table() -> None:
    """Twins and pairs of backends are no pairs of models."""
    assert terminal.pairs([pair(by="twin"), pair(by="backend")]) is None


def test_pairs_stand_in_the_order_of_their_mult_adds() -> None:
    """The pair furthest apart comes first; a backend that lacks it shows a dash."""
    near = pair(baseline_model="squeezenet", mult_adds_ratio=2.0, subject_backend="openvino")
    text = printed(terminal.pairs([near, pair()]))
    assert text.index("mobilenet_v1") < text.index("squeezenet")
    assert " - " in text
    assert "37123x" in text


def test_shares_sum_to_the_whole() -> None:
    """Kinds of layers are told with their shares of mult-adds: LeNet-5 has two convolutions and three layers fc."""
    text = printed(lists.kinds(analysis.count(architectures.parse("lenet5"))))
    assert f"{6 * 28 * 28 * 25 + 16 * 10 * 10 * 150:,}" in text
    assert "85.85%" in text
    assert "14.15%" in text
