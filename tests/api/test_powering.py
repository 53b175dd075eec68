"""A power model is fitted to a run, kept with its unit, and taken by the next one."""

from pathlib import Path

import pytest

from edgebench import api
from edgebench.board.wire import encode
from edgebench.errors import UsageError
from edgebench.report import sensing
from edgebench.store import RunFolder, calibration
from edgebench.store.records import SessionEnded
from tests.store.metering import BOARD, NOTHING, made, metered
from tests.store.test_tables import BIG, constant, ended, measured, started

UNIT = "my-board"
LOADS = made({BIG: [2.0] * 5})


def folder(results: Path, *, cores: object = 4, source: object = BOARD, windows: object = None) -> Path:
    """Return the folder of a run that measured energy on a board of four cores."""
    path = results / UNIT / "2026-11-22T10-15-00Z-ab12"
    path.mkdir(parents=True)
    plan = metered(started(BIG, facts={"machine": "x86_64", "cores": cores}))
    read = LOADS.with_readings() if windows is None else windows
    lines = [plan, *measured({BIG: constant(0.01)}), source, *read, SessionEnded(session="s1"), ended()]  # type: ignore[misc]
    (path / "journal.jsonl").write_bytes(b"".join(encode(line) for line in lines))
    return path


def log(path: Path, offset_s: float = 3.3) -> Path:
    """Write what a meter would have logged of the run."""
    found = LOADS.logged(offset_s)
    rows = [f"{1000 + at:.3f},{power.w:.4f}" for at, power in zip(found.at_s, found.power, strict=True)]
    path.write_text("\n".join(["timestamp,watts", *rows, ""]))
    return path


def test_model_comes_of_a_run_and_is_kept(tmp_path: Path) -> None:
    """Idle and slope, the run it is from, and whose power it is; `devices power` says them in words."""
    found = api.power(folder(tmp_path))
    fit = calibration.latest_power(calibration.read(tmp_path, UNIT))
    assert fit is not None
    assert found.entries == (fit,)
    assert (fit.idle_w, fit.slope_w, fit.cores) == pytest.approx((3.0, 8.0, 4))
    assert (fit.rung, fit.rail, fit.run) == ("board rail", "VDD_IN", "2026-11-22T10-15-00Z-ab12")
    first, second = sensing.power(found)
    assert first.startswith("my-board: 3.000 W + 8.000 W x utilisation of 4 cores, 0.000 W off in one window")
    assert second == "Fitted on board rail (VDD_IN); it holds from a utilisation of 0.00 to 0.25."


@pytest.mark.slow
def test_log_of_a_meter_is_kept_with_its_run(tmp_path: Path) -> None:
    """It comes before the board's own sensor, in the model and in the tables that are made again."""
    run = folder(tmp_path / "results")
    found = api.power(run, log(tmp_path / "power.csv"))
    (fit,) = found.entries
    assert isinstance(fit, calibration.PowerFit)
    assert fit.rung == "external meter"
    assert (fit.idle_w, fit.slope_w) == pytest.approx((3.0, 8.0), rel=0.05)
    assert RunFolder(path=run).meter.is_file()
    (row,) = api.recompute(run).summary.trials
    assert row.energy_rung == "external meter"
    assert row.energy_above_idle_j == pytest.approx(0.02, rel=0.05)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"cores": None}, "does not say how many cores its board has"),
        ({"source": NOTHING, "windows": ()}, "No power model comes of .*: rapl: no zone"),
    ],
)
def test_run_that_makes_no_model_says_why(given: dict[str, object], message: str, tmp_path: Path) -> None:
    """One sentence, and nothing is kept."""
    run = folder(tmp_path, **given)
    with pytest.raises(UsageError, match=message):
        api.power(run)
    assert calibration.read(tmp_path, UNIT).entries == ()


def test_run_that_was_moved_away_is_refused(tmp_path: Path) -> None:
    """A model belongs to a unit: what lies elsewhere would calibrate another."""
    run = folder(tmp_path)
    (tmp_path / UNIT).rename(tmp_path / "another")
    with pytest.raises(UsageError, match="does not lie in the folder of its unit 'my-board'"):
        api.power(tmp_path / "another" / run.name)


def test_wrong_log_is_refused_before_it_is_kept(tmp_path: Path) -> None:
    """With its line, and the run keeps none."""
    run = folder(tmp_path)
    (tmp_path / "power.csv").write_text("time,watts\n0,1.0\n1,oops\n")
    for asked in (api.power, api.recompute):
        with pytest.raises(UsageError, match=r"power\.csv is no log of a meter: line 3 is no reading"):
            asked(run, tmp_path / "power.csv")
    with pytest.raises(UsageError, match=r"cannot be read \(No such file"):
        api.recompute(run, tmp_path / "nothing.csv")
    assert not RunFolder(path=run).meter.exists()
