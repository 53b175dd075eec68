"""results/UNIT/calibration.json: entries are added, kept, dated and read strictly."""

import json
import stat
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgebench.board.peak import Clock, Figure, Peak, Rate
from edgebench.errors import LostTrialError, UsageError
from edgebench.store import calibration
from edgebench.store.calibration import SCHEMA, Calibration, PowerFit, Probe, Resolution


def rate(value: float) -> Rate:
    """Return a rate of one core, and twice that of all."""
    one = Figure(median=value, lowest=value / 2, highest=value * 2)
    return Rate(one_core=one, all_cores=Figure(median=2 * value, lowest=value, highest=4 * value))


def probe(at: str = "2026-11-22T10:15:00+00:00", value: float = 4e9) -> Probe:
    """Return an entry as a small board would give it."""
    peak = Peak(
        cpus=(0, 1),
        repeats=5,
        seconds=10.2,
        gemm_mult_adds_per_s=rate(value),
        gemm_size=512,
        copy_bytes_per_s=rate(2e9),
        add_bytes_per_s=rate(2.5e9),
        working_set_bytes=100_663_296,
        last_level_cache_bytes=None,
        chain_s=Figure(median=3e-4, lowest=2e-4, highest=4e-4),
        chain_multiplications=100_000,
        clocks_under_load=(Clock(cores=(0, 1), now_hz=1_000_000_000, limit_hz=None),),
        blas="openblas 0.3",
        blas_core="ARMV8",
        openblas_coretype=None,
        numpy="2.0.0",
        python="3.13.5",
    )
    return Probe(at=at, edgebench_version="0.1.0", peak=peak)


def resolution(at: str = "2026-11-22T11:15:00+00:00", value: float = 0.012, *, neighbour: bool = False) -> Resolution:
    """Return an entry as 40 sessions would give it."""
    return Resolution(
        at=at,
        edgebench_version="0.1.0",
        trial="mobilenet_v1|onnxruntime|fp32|threads=1|batch=1",
        sessions=40,
        invocations=10,
        rounds=10,
        neighbour=neighbour,
        seed=7,
        excluded_one=2,
        false_positive_rate=2 / 40,
        false_positive_rate_low=0.0061,
        false_positive_rate_high=0.1692,
        resolution=value,
        median_half_width=0.008,
        naive_excluded_one=25,
        run="2026-11-22T11-00-00Z-ab12",
    )


def power(at: str = "2026-11-22T12:15:00+00:00", value: float = 3.4) -> PowerFit:
    """Return an entry as a fit to a meter's log would give it."""
    return PowerFit(
        at=at,
        edgebench_version="0.1.0",
        run="2026-11-22T12-00-00Z-ab12",
        rung="external meter",
        rail="the board's supply",
        idle_w=2.7,
        slope_w=value,
        residual_w=0.05,
        windows=30,
        lowest=0.01,
        highest=0.99,
        cores=4,
        mean_utilisation=0.4,
        utilisation_squares=3.1,
    )


def refusal(results: Path) -> str:
    """Return the sentence with which the calibration of rpi4-a is refused."""
    with pytest.raises(UsageError) as caught:
        calibration.read(results, "rpi4-a")
    return str(caught.value)


def test_unit_without_a_file_has_no_entries(tmp_path: Path) -> None:
    """Reading makes nothing: no file, no folder, no entry."""
    found = calibration.read(tmp_path, "rpi4-a")
    assert found == Calibration(schema=SCHEMA, unit="rpi4-a")
    assert calibration.latest_probe(found) is None
    assert calibration.latest_resolution(found) is None
    assert list(tmp_path.iterdir()) == []


def test_history_is_kept(tmp_path: Path) -> None:
    """A second entry stands after the first, which stays; the newest is the latest."""
    first, second = probe(), probe("2026-11-23T10:15:00+00:00", 5e9)
    calibration.add(tmp_path, "rpi4-a", first)
    after = calibration.add(tmp_path, "rpi4-a", second)
    assert after == calibration.read(tmp_path, "rpi4-a")
    assert after.entries == (first, second)
    assert calibration.latest_probe(after) == second
    assert [path.name for path in (tmp_path / "rpi4-a").iterdir()] == ["calibration.json"]


def test_each_kind_of_entry_has_its_newest(tmp_path: Path) -> None:
    """A probe is no resolution, nor is one alone one beside a neighbour: each is found past later ones of others."""
    alone = (probe(), resolution(value=0.02), resolution(value=0.01), resolution(neighbour=True, value=0.05))
    entries = (*alone, power(value=3.0), power(value=3.5))
    for entry in entries:
        calibration.add(tmp_path, "rpi4-a", entry)
    found = calibration.read(tmp_path, "rpi4-a")
    assert found.entries == entries
    assert calibration.latest_probe(found) == entries[0]
    assert calibration.latest_resolution(found) == entries[2]
    assert calibration.latest_resolution(found, neighbour=True) == entries[3]
    assert calibration.latest_power(found) == entries[5]
    assert calibration.latest_power(calibration.read(tmp_path, "rpi4-b")) is None


@pytest.mark.parametrize(
    "changed",
    [
        {"idle_w": 0.0},
        {"slope_w": -1.0},
        {"cores": 0},
        {"windows": 2},
        {"at": "2026-11-22"},
        {"utilisation_squares": 0.0},
    ],
)
def test_power_model_that_cannot_be_is_refused(changed: dict[str, Any]) -> None:
    """A board that takes nothing, a load that gives power back, or a date without a zone."""
    with pytest.raises(ValueError, match=r"a power fit needs .* above 0|expected a date with its zone"):
        replace(power(), **changed)


@pytest.mark.parametrize("changed", [{"excluded_one": 41}, {"naive_excluded_one": -1}, {"at": "2026-11-22"}])
def test_resolution_that_cannot_be_is_refused(changed: dict[str, Any]) -> None:
    """More sessions that excluded 1 than there were, fewer than none, or a date without a zone are no entry."""
    with pytest.raises(ValueError, match=r"sessions is 40: expected|expected a date with its zone"):
        replace(resolution(), **changed)


def test_units_do_not_meet(tmp_path: Path) -> None:
    """Each unit has its own file, and a file in another's folder is refused."""
    calibration.add(tmp_path, "rpi4-b", probe())
    assert calibration.read(tmp_path, "rpi4-a").entries == ()
    (tmp_path / "rpi4-b").rename(tmp_path / "rpi4-a")
    expected = (
        f"{tmp_path}/rpi4-a/calibration.json is of the unit 'rpi4-b': expected 'rpi4-a', as its folder is called."
    )
    assert refusal(tmp_path) == expected


def test_power_model_of_before_its_uncertainty_was_kept_is_read(tmp_path: Path) -> None:
    """The file of an earlier version is no error: the entry lacks the two figures, and the others stand."""
    calibration.add(tmp_path, "rpi4-a", power())
    path = calibration.path_of(tmp_path, "rpi4-a")
    whole = json.loads(path.read_text())
    for name in ("mean_utilisation", "utilisation_squares"):
        del whole["entries"][0][name]
    path.write_text(json.dumps(whole))
    (entry,) = calibration.read(tmp_path, "rpi4-a").entries
    assert entry == replace(power(), mean_utilisation=None, utilisation_squares=None)


@given(st.lists(st.floats(1e-12, 1e18), max_size=4))
def test_what_is_written_is_read(values: list[float]) -> None:
    """Every figure comes back to the last digit."""
    from pydantic import TypeAdapter

    from edgebench.board.wire import encode

    entries = [entry(value=value) for value in values for entry in (probe, resolution, power)]
    whole = Calibration(schema=SCHEMA, unit="a", entries=tuple(entries))
    assert TypeAdapter(Calibration).validate_json(encode(whole)) == whole


def written(results: Path) -> dict[str, object]:
    """Return the JSON of a calibration with one entry."""
    calibration.add(results, "rpi4-a", probe())
    found: dict[str, object] = json.loads((results / "rpi4-a/calibration.json").read_text())
    return found


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"schema": 2}, "schema: Input should be 1"),
        ({"schema": "1"}, "schema: Input should be 1"),
        ({"more": 1}, "more: Unexpected keyword argument"),
        ({"entries": [{"kind": "probe"}]}, "entries: 0: probe: at: Field required"),
        ({"entries": [{"kind": "resolution"}]}, "entries: 0: resolution: at: Field required"),
        ({"entries": [{"kind": "watts"}]}, "entries: 0: Input tag 'watts' found using 'kind' does not match"),
        ({"entries": [{}]}, "entries: 0: Unable to extract tag using discriminator 'kind'"),
        ({"entries": {}}, "entries: Input should be a valid array"),
    ],
)
def test_wrong_file_is_one_sentence(tmp_path: Path, changed: dict[str, object], said: str) -> None:
    """Another version, an unknown key, a missing one or a wrong type is refused with its place, and not overwritten."""
    path = tmp_path / "rpi4-a/calibration.json"
    text = json.dumps({**written(tmp_path), **changed})
    path.write_text(text)
    sentence = refusal(tmp_path)
    assert sentence.startswith(f"{path} is no calibration of this version: {said}")
    assert sentence.endswith("; move it away and probe again.")
    with pytest.raises(UsageError):
        calibration.add(tmp_path, "rpi4-a", probe())
    assert path.read_text() == text


def test_half_a_file_is_refused(tmp_path: Path) -> None:
    """A file cut short by something else than us is no calibration."""
    path = tmp_path / "rpi4-a/calibration.json"
    path.parent.mkdir()
    path.write_text(json.dumps({"schema": 1})[:-3])
    assert "is no calibration of this version: Invalid JSON" in refusal(tmp_path)


@pytest.mark.parametrize("at", ["2026-11-22T10:15:00", "yesterday"])
def test_date_has_a_zone(at: str) -> None:
    """An entry without a date, or whose date could be of any zone, cannot be made."""
    with pytest.raises(ValueError, match=r"expected a date with its zone|Invalid isoformat"):
        probe(at)


def test_failed_writing_leaves_what_was_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A disk that takes nothing costs the new entry, not the old ones, and no draft stays behind."""
    before = calibration.add(tmp_path, "rpi4-a", probe())

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(LostTrialError) as caught:
        calibration.add(tmp_path, "rpi4-a", probe())
    assert str(caught.value) == (
        f"{tmp_path}/rpi4-a/calibration.json cannot be written (No space left on device): choose a folder that you may "
        "write to with --results."
    )
    assert calibration.read(tmp_path, "rpi4-a") == before
    assert [path.name for path in (tmp_path / "rpi4-a").iterdir()] == ["calibration.json"]


def test_file_in_place_of_the_folder(tmp_path: Path) -> None:
    """Where the unit's folder cannot be made, or is a file, it is said."""
    (tmp_path / "rpi4-a").write_text("")
    with pytest.raises(UsageError, match=r"calibration.json cannot be read \(Not a directory\)"):
        calibration.add(tmp_path, "rpi4-a", probe())
    assert not stat.S_ISDIR((tmp_path / "rpi4-a").stat().st_mode)
