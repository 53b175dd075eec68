"""Drafts of unknown boards, from recorded and from hostile facts, and the probe of this machine."""

import json
import tomllib
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgebench import api, devices
from edgebench.api import boards
from edgebench.devices.records import PerCycle
from edgebench.errors import LostTrialError, UsageError
from edgebench.store import calibration

DATA = Path(__file__).parents[1] / "data/boards"
DAY = date(2026, 11, 22)
TREES = sorted(path.parent.name for path in DATA.glob("*/facts.json"))


@pytest.fixture(autouse=True)
def empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Each test runs in an empty folder, so that ./devices is its own."""
    monkeypatch.chdir(tmp_path)
    yield


def facts(board: str) -> dict[str, Any]:
    """Return the recorded facts of a fake board."""
    found: dict[str, Any] = json.loads((DATA / board / "facts.json").read_text())
    return found


def loaded(given_facts: dict[str, Any], folder: Path) -> devices.Device:
    """Return the description drafted from some facts, as it is read back."""
    path = folder / "mine.toml"
    path.write_text(boards.draft_device(given_facts, "mine", DAY), encoding="utf-8")
    return devices.load(path)


@pytest.mark.parametrize("board", TREES)
def test_draft_loads_and_fits_its_board(board: str, tmp_path: Path) -> None:
    """What a board says of itself becomes a description that loads, is of that board, and finds its power mode."""
    device = loaded(facts(board), tmp_path)
    devices.check(device, facts(board))
    mode = devices.mode(device, facts(board))
    assert mode is not None
    assert device.status == "not run on hardware"
    assert device.cpu.isa == tuple(facts(board)["cpu_flags"])
    assert device.memory.variants_bytes == (facts(board)["memory_total_bytes"],)
    assert {one.source for one in device.source} == {"what the board said of itself, 2026-11-22"}
    assert {one.table for one in device.source} == {"match", "cpu", "cpu.mode", "memory"}


def test_draft_invents_nothing(tmp_path: Path) -> None:
    """Mult-adds per cycle, caches, bandwidth and watts are not said by a board: they are left to be filled in."""
    device = loaded(facts("rpi4"), tmp_path)
    assert device.cpu.mode[0].mult_adds_per_cycle == PerCycle()
    assert (device.cpu.cache, device.gpu, device.power) == ((), None, None)
    assert device.memory.bandwidth_nominal_bytes_per_s is None
    text = (tmp_path / "mine.toml").read_text()
    assert "# mult_adds_per_cycle = { fp32 = , fp16 = , int8 = }\n" in text
    assert text.count("# To fill in: ") == 3


def test_draft_of_big_and_little_cores(tmp_path: Path) -> None:
    """Clusters are the groups with one clock; the mode is the fast cores', and no thread count mixes in slow ones."""
    device = loaded(facts("rk3588"), tmp_path)
    assert [cluster.cores for cluster in device.cpu.clusters] == [4, 2, 2]
    assert (device.cpu.mode[0].name, device.cpu.mode[0].clock_hz, device.cpu.mode[0].cores) == ("2.4 GHz", 2.4e9, 4)
    assert device.run.threads == (1, 2, 4)
    assert device.match.compatible == ("xunlong,orangepi-5",)
    assert device.title == "Xunlong Orange Pi 5"


def test_draft_of_a_pc(tmp_path: Path) -> None:
    """Where each core has a clock of its own they are one cluster, and the processor's name is what matches."""
    device = loaded(facts("x86"), tmp_path)
    assert [cluster.cores for cluster in device.cpu.clusters] == [4]
    assert device.match.cpu_model == ("Intel(R) Core(TM) i3-8100 CPU @ 3.60GHz",)
    assert device.cpu.mode[0].cores == 4


def test_draft_matches_by_what_says_most(tmp_path: Path) -> None:
    """Device tree before CPU part before machine; without any of them there is no description."""
    nameless = {**facts("rpi4"), "device_tree_compatible": None}
    assert loaded(nameless, tmp_path).match.cpu_part == ("0xd08",)
    bare = {"machine": "riscv64"}
    device = loaded(bare, tmp_path)
    assert (device.match.machine, device.title, device.run.threads) == ("riscv64", "mine", (1,))
    assert (device.cpu.mode, device.memory.variants_bytes) == ((), ())
    with pytest.raises(UsageError, match="says nothing by which it could be known again"):
        boards.draft_device({}, "mine")


def test_draft_is_found_before_its_family(tmp_path: Path) -> None:
    """A drafted board in ./devices is what a machine is from then on."""
    assert boards.new_device(facts("rk3588"), "my-orange") == Path("devices/my-orange.toml")
    assert devices.host_kind(facts("rk3588")).name == "my-orange"
    assert (tmp_path / "devices/my-orange.toml").is_file()


def test_today_is_the_date_of_a_draft() -> None:
    """Without another date, the draft's sources are of today."""
    drafted = boards.draft_device(facts("rpi4"), "mine")
    assert f"what the board said of itself, {datetime.now(UTC).date().isoformat()}" in drafted


@pytest.mark.parametrize("name", ["", "host", "../evil", "a/b", "A", "-x", "a b", "a\n", "x" * 60, "é"])
def test_name_of_a_kind_is_plain(name: str) -> None:
    """A name becomes a file and an argument: others are refused before anything is written."""
    with pytest.raises(UsageError, match="cannot name a kind of board"):
        boards.new_device(facts("rpi4"), name)
    assert not Path("devices").exists()


def test_no_description_is_overwritten() -> None:
    """A kind that is known, shipped or the user's, keeps its file."""
    with pytest.raises(UsageError, match="'rpi4' is a kind of board already"):
        boards.new_device(facts("rpi4"), "rpi4")
    first = boards.new_device(facts("rpi4"), "mine", Path("elsewhere"))
    text = first.read_text()
    with pytest.raises(UsageError, match=r"elsewhere/mine.toml cannot be written \(File exists\)"):
        boards.new_device(facts("rpi5"), "mine", Path("elsewhere"))
    assert first.read_text() == text


HOSTILE = [
    'quote " and \\ backslash',
    '"\nstatus = "run on hardware 2020-01-01"\n#',
    "'''",
    '"""',
    "nul \0, escape \x1b[31m, delete \x7f, next line \x85",
    "half a pair \ud800",
    "right to left \u202e, paragraph \u2029, emoji \U0001f600, private \U000f0000",
    "]\n[match]\nmachine = 1",
    "#",
    "\r\n",
]


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_stays_text(text: str, tmp_path: Path) -> None:
    """Quotes, newlines and control characters of a board end up inside strings, and none of them in what is shown."""
    keys = ("machine", "cpu_model", "device_tree_model")
    lists = ("cpu_parts", "cpu_flags", "device_tree_compatible")
    given_facts = {**facts("rpi4"), **dict.fromkeys(keys, text), **{key: [text] for key in lists}}
    if not text.strip():
        given_facts["machine"] = "aarch64"
    device = loaded(given_facts, tmp_path)
    assert device.status == "not run on hardware"
    assert device.title.isprintable()
    assert all(cluster.core.isprintable() for cluster in device.cpu.clusters)
    assert all(line.isprintable() for line in (tmp_path / "mine.toml").read_text().split("\n"))
    if text.strip() and "\ud800" not in text:
        assert device.match.compatible == (text,)
        devices.check(device, given_facts)


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=8,
)
KEYS = sorted(facts("rpi4"))
clocks = st.lists(
    st.fixed_dictionaries(
        {"cores": st.lists(st.integers(), max_size=6) | anything, "limit_hz": st.integers() | anything}
    ),
    max_size=4,
)


@given(st.dictionaries(st.sampled_from(KEYS), anything), st.none() | clocks)
def test_any_facts_give_a_description_or_a_sentence(found: dict[str, Any], rows: list[Any] | None) -> None:
    """Whatever a board sends, the draft is TOML that keeps the schema, or one sentence says why there is none."""
    from pydantic import TypeAdapter

    sent = found if rows is None else {**found, "clocks": rows}
    try:
        text = boards.draft_device(sent, "mine", DAY)
    except UsageError:
        return
    table = tomllib.loads(text.encode().decode())
    TypeAdapter(devices.Device).validate_json(json.dumps(table))
    assert len(text) < 100_000


def test_sizes_of_what_a_board_sends_are_bounded() -> None:
    """Long texts, many names and huge numbers count as not said."""
    flood = {"cpu_model": "x" * 10**6, "cpu_flags": ["y" * 150] * 10**5, "memory_total_bytes": 10**30}
    text = boards.draft_device({**facts("rpi4"), **flood}, "mine", DAY)
    assert len(text) < 20_000
    assert "variants_bytes" not in text


# --- the probe --------------------------------------------------------------------------------------------------------


def test_probe_of_this_machine_is_stored(tmp_path: Path) -> None:
    """A probe runs in a fresh process and becomes an entry of host's calibration; a second one is added."""
    first = boards.probe_host(tmp_path, 0.2)
    assert first == calibration.read(tmp_path, "host")
    (entry,) = first.entries
    assert datetime.fromisoformat(entry.at).tzinfo is not None
    assert isinstance(entry, calibration.Probe)
    assert entry.peak.gemm_mult_adds_per_s.all_cores.median > 0
    assert len(boards.probe_host(tmp_path, 0.2).entries) == 2
    assert sorted(path.name for path in tmp_path.rglob("*") if path.is_file()) == ["calibration.json"]


def test_only_the_kind_that_was_asked_for_is_probed(tmp_path: Path) -> None:
    """A kind that this machine is not of costs no measuring, and nothing is kept as host's."""
    with pytest.raises(UsageError, match="This machine is not of the kind rpi-zero2w: found "):
        api.probe("rpi-zero2w", None, tmp_path, 0.2)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("seconds", [0, -1, 601, float("nan"), float("inf")])
def test_seconds_are_bounded(seconds: float, tmp_path: Path) -> None:
    """A probe takes some time and not for ever; nothing is started otherwise."""
    with pytest.raises(UsageError, match="expected more than 0, 600 at most"):
        boards.probe_host(tmp_path, seconds)


def test_wrong_calibration_is_said_before_measuring(tmp_path: Path) -> None:
    """A file that could not be added to costs no measuring."""
    (tmp_path / "host").mkdir()
    (tmp_path / "host/calibration.json").write_text("{}")
    with pytest.raises(UsageError, match="is no calibration of this version"):
        boards.probe_host(tmp_path, 600)


def test_probe_that_fails_is_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A probe that cannot start is lost, with the last it said."""
    monkeypatch.setattr("sys.executable", "/bin/false")
    with pytest.raises(LostTrialError) as caught:
        boards.probe_host(tmp_path, 1)
    assert str(caught.value) == "The probe of this machine ended with status 1."


@pytest.mark.parametrize(
    "printed",
    [b"", b"\n\n", b"{}", b"hello\n", b"[1]\n", b"\xff\xfe\n", b'{"cpus": [0]' + b" " * 10**6 + b"}\n"],
)
def test_garbage_is_no_probe(printed: bytes) -> None:
    """What a board prints instead of peaks is refused in one printable sentence."""
    with pytest.raises(LostTrialError) as caught:
        boards.read_peak(printed, "pi@10.0.0.4")
    sentence = str(caught.value)
    assert sentence.startswith("The probe of pi@10.0.0.4 printed no peaks of this version: ")
    assert sentence.endswith("; set the board up again.")
    assert sentence.isprintable()


def test_keys_of_a_board_are_not_repeated_raw() -> None:
    """An unknown key with control characters is named without them, and not at length."""
    with pytest.raises(LostTrialError) as caught:
        boards.read_peak(json.dumps({"\x1b[31m" + "k" * 500: 1}).encode(), "the board")
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 200


def test_noise_before_the_peaks_is_passed_over(tmp_path: Path) -> None:
    """A login shell that greets does not cost the probe: the last line is what counts."""
    entry = boards.probe_host(tmp_path, 0.2).entries[0]
    assert isinstance(entry, calibration.Probe)
    from edgebench.board.wire import encode

    assert boards.read_peak(b"Welcome!\n\n" + encode(entry.peak) + b"\n", "the board") == entry.peak
