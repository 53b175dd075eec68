import io
from dataclasses import replace

import pytest
from rich.console import Console

from edgebench.analysis.cost import LayerCost
from edgebench.board.wire import ByLayer, LayerTimes
from edgebench.report import answer, layer_times
from edgebench.store.layers import OTHER, kinds
from edgebench.store.records import Counted, SessionEnded
from edgebench.store.rows import LayerRow
from edgebench.store.tables import Summary, summarize
from tests.store.test_tables import SMALL, SMALL_ORT, constant, ended, measured, started, told

WIDE = LayerCost(
    name="pw",
    kind="conv_1x1",
    in_channels=8,
    out_channels=8,
    kernel=(1, 1),
    stride=(1, 1),
    groups=1,
    out_h=4,
    out_w=4,
    mult_adds=4 * 4 * 8 * 8,
    params=8 * 8,
    bias_params=0,
    bn_params=0,
)
FC = replace(WIDE, name="fc", kind="fc", out_h=1, out_w=1, in_channels=8, out_channels=4, mult_adds=32, params=32)
TOTAL = WIDE.mult_adds + FC.mult_adds
COUNTED = Counted(
    model="mobilenet_v1",
    inputs={"x": (1, 8, 4, 4)},
    mult_adds=TOTAL,
    params=96,
    bias_params=0,
    bn_params=0,
    layers=(WIDE, FC),
)


def times(name: str, operation: str, *wall_us: int) -> LayerTimes:
    """Return an operation that took so many microseconds in each call."""
    return LayerTimes(name=name, operation=operation, wall_ns=tuple(1000 * us for us in wall_us))


def run(*found: ByLayer) -> Summary:
    """Return the rows of a run of two trials, of which these layers were told."""
    trials = (SMALL, SMALL_ORT)
    lines = (COUNTED, *found, *measured(dict.fromkeys(trials, constant(0.01))), SessionEnded(session="s1"), ended())
    return summarize(told(started(*trials), *lines))


TOLD = ByLayer(
    session="s1",
    trial=SMALL_ORT.id,
    source="runtime",
    whole_ns=(190_000, 200_000, 900_000),
    layers=(
        times("pw", "Conv", 90, 100, 500),
        times("reorder", "Reorder\x1b[31m", 20, 20, 20),
        times("fc", "Gemm", 40),
    ),
)
ALONE = ByLayer(
    session="s1",
    trial=SMALL.id,
    source="isolated",
    whole_ns=(200_000,),
    layers=(times("part:conv,height=4,width=4,in=8,out=8", "", 300),),
)


def timed(summary: Summary, trial: str) -> list[LayerRow]:
    """Return the rows with the times of a trial."""
    return [row for row in summary.layers if row.trial == trial]


def test_layers_have_medians_and_shares() -> None:
    """A layer's time is the median over calls, its share that of all operations of the trial."""
    pw, reorder, fc = timed(run(TOLD), SMALL_ORT.id)
    assert [row.time_s for row in (pw, reorder, fc)] == pytest.approx([100e-6, 20e-6, 40e-6])
    assert [row.time_share for row in (pw, reorder, fc)] == pytest.approx([100 / 160, 20 / 160, 40 / 160])
    assert [row.whole_s for row in (pw, reorder, fc)] == pytest.approx([200e-6] * 3)
    assert (pw.layer, pw.kind, pw.operation, pw.mult_adds, pw.calls) == ("pw", "conv_1x1", "Conv", WIDE.mult_adds, 3)


def test_what_is_no_layer_costs_nothing_on_paper() -> None:
    """An operation of the runtime's own keeps its name, without a shape; what steers a terminal is taken out."""
    _, reorder, _ = timed(run(TOLD), SMALL_ORT.id)
    assert (reorder.layer, reorder.kind, reorder.mult_adds, reorder.kernel) == ("reorder", "Reorder [31m", 0, None)


def test_paper_rows_stay_without_times() -> None:
    """Each layer of the model has one row without a trial, whatever was timed."""
    own = [row for row in run(TOLD).layers if row.trial is None]
    assert [(row.layer, row.time_s, row.source) for row in own] == [("pw", None, None), ("fc", None, None)]


def test_kinds_are_told_for_each_trial() -> None:
    """Kinds come with the most mult-adds first, and all that is no layer together at the end."""
    found = [one for one in kinds(run(TOLD, ALONE).layers) if one.trial == SMALL_ORT.id]
    assert [one.kind for one in found] == ["conv_1x1", "fc", OTHER]
    assert [one.time_share for one in found] == pytest.approx([100 / 160, 40 / 160, 20 / 160])
    assert found[0].mult_adds_share == pytest.approx(WIDE.mult_adds / TOTAL)


def test_layers_that_were_lost_leave_no_row() -> None:
    """A trial whose runtime told nothing has no times, and keeps its latency."""
    summary = run(ByLayer(session="s1", trial=SMALL_ORT.id, source="runtime", reason="ended by SIGKILL"))
    assert timed(summary, SMALL_ORT.id) == []
    assert {row.status for row in summary.trials} == {"done"}


def test_the_answer_sets_time_beside_mult_adds() -> None:
    """The kind with the most mult-adds is named with its share of both, and what was timed alone says so."""
    (sentence,) = [one for one in answer.sentences(run(ALONE, TOLD)) if "of the mult-adds of" in one]
    assert sentence == (
        "conv_1x1 has 97.0 % of the mult-adds of mobilenet_v1; of the time: 100.0 % in torch (each layer alone), "
        "62.5 % in onnxruntime."
    )


def test_the_table_adds_up_to_a_whole_call() -> None:
    """It fits 80 columns, marks what was timed alone, and ends with all operations as a share of a call."""
    table = layer_times.table(run(TOLD, ALONE).layers)
    assert table is not None
    out = io.StringIO()
    Console(file=out, width=80).print(table)
    lines = [line.rstrip() for line in out.getvalue().splitlines()]
    assert max(map(len, lines)) <= 80
    assert [line.split() for line in lines if line.strip().startswith("onnxruntime")][-1] == [
        "onnxruntime",
        "80.0",
        "%",
        "160",
        "us",
    ]
    assert any(line.split()[:1] == ["torch*"] for line in lines)


def test_without_layers_there_is_no_table() -> None:
    """A run that timed no layers prints none."""
    assert layer_times.table(run().layers) is None
