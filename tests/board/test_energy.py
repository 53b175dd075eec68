"""Which sensor is read, how often, and what its thread keeps."""

import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from edgebench.board import energy
from edgebench.board.energy import Sampler, choose, lead_s, told, window_s
from edgebench.board.quantities import Joules, Watts, joules, watts
from edgebench.board.sensors import Channel, Gauge, SensorError
from edgebench.board.wire import EnergyPlan
from edgebench.measure.energy import Span, integrated
from tests.board.sensors import recorded

SECOND = 10**9


def gauge(*reads: Callable[[], Watts | Joules | float], period_s: float = 0.05) -> Gauge:
    """A gauge of rails that read so."""
    rails = tuple(
        Channel(sensor="fake", name=f"rail{number}", quantity="power", where="/", read=read)
        for number, read in enumerate(reads)
    )
    return Gauge(sensor="fake", rung="board rail", rails=rails, covers="all of it", period_s=period_s)


def ticking(step_ns: int = SECOND // 2) -> Callable[[], int]:
    """A clock that moves on whenever somebody looks at it."""
    times: Iterator[int] = iter(range(0, 10**15, step_ns))
    return lambda: next(times)


@pytest.fixture
def sampler() -> Sampler:
    """A sampler of two rails, at two and three watts, whose readings lie a second apart."""
    return Sampler(gauge(lambda: watts(2.0), lambda: watts(3.0)), now=ticking())


@pytest.mark.parametrize(
    ("case", "sensor", "rung"),
    [
        ("rapl/good", "rapl", "package counter"),
        ("ina3221/good", "ina3221", "board rail"),
        ("battery/good", "battery", "board rail"),
        ("pmic/good", "pmic", "board rail"),
        ("thermal/good", None, None),
        ("battery/charging", None, None),
    ],
)
def test_sensor_of_the_highest_rung_is_chosen(case: str, sensor: str | None, rung: str | None, tmp_path: Path) -> None:
    """Of all that there is; without one there are reasons."""
    found, troubles = choose(recorded.place(tmp_path, recorded.read(case)), EnergyPlan())
    assert (found and found.gauge.sensor, found and found.gauge.rung) == (sensor, rung)
    assert troubles
    assert {one.sensor for one in troubles} <= {"rapl", "ina3221", "battery", "pmic", "meter"}


def test_device_prefers_among_equals(tmp_path: Path) -> None:
    """A laptop with a battery that is discharging and a rail of the board: its file says which to believe."""
    place = recorded.place(tmp_path, recorded.read("battery/good"))
    recorded.write(tmp_path, recorded.read("ina3221/good")["files"])
    chosen = [choose(place, EnergyPlan(preference=names))[0] for names in ((), ("ina3221",), ("rapl",))]
    assert [one and one.gauge.sensor for one in chosen] == ["battery", "ina3221", "battery"]


def test_readings_of_a_window_reach_beyond_its_ends(sampler: Sampler) -> None:
    """From the last one before to the first one after, all rails at each time; earlier ones are forgotten."""
    for _ in range(6):
        sampler.read()
    first = sampler._kept[0].at_ns
    found = sampler.between(first + 1 * SECOND + 1, first + 3 * SECOND - 1)
    assert [at - first for at in found.at_ns] == [SECOND, 2 * SECOND, 3 * SECOND]
    assert found.readings == ((2.0,) * 3, (3.0,) * 3)
    assert found.trouble is None
    assert sampler._kept[0].at_ns == first + SECOND


def test_rail_that_fails_is_none_and_says_why() -> None:
    """The other rails of that time are kept; zero is never made up."""
    answers = iter([watts(2.0)] * 6 + [None] + [watts(2.0)] * 5)

    def read() -> Watts:
        found = next(answers)
        if found is None:
            raise SensorError("missing", "gone")
        return found

    sampler = Sampler(gauge(read, lambda: watts(1.0)), now=ticking())
    for _ in range(3):
        sampler.read()
    found = sampler.between(sampler._kept[0].at_ns, sampler._kept[-1].at_ns)
    assert found.readings == ((2.0, None, 2.0), (1.0, 1.0, 1.0))
    assert found.trouble == "rail0: gone"


def test_bare_number_is_no_reading() -> None:
    """A sensor that forgets its unit is not believed: milliwatts would pass for watts."""
    sampler = Sampler(gauge(lambda: 4880), now=ticking())
    sampler.read()
    assert sampler._kept[-1].values == (None,)
    assert Sampler(gauge(lambda: joules(5.0)), now=ticking()).gauge.rail == "rail0"


@pytest.mark.parametrize(
    ("cost_s", "period_s"), [(0.0, 0.05), (0.0003, 0.05), (0.0009, 0.12), (0.0075, 1.0), (0.03, 4.0)]
)
def test_rate_keeps_readings_below_their_share_of_a_processor(
    cost_s: float, period_s: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is dear to read, such as a program, is read less often; waking up for it doubles what it takes."""
    clock = iter([0.0, 5 * cost_s])
    monkeypatch.setattr(energy, "_cpu_s", lambda: next(clock))
    sampler = Sampler(gauge(lambda: watts(1.0)))
    assert sampler.period_s == pytest.approx(period_s)
    assert 2 * sampler.reading_cpu_s / sampler.period_s < energy.MOST_SHARE


def test_gauge_that_is_too_dear_to_read_is_passed_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The next one is read in its place, or none; what its reading takes, and what it may take, is said."""
    place = recorded.place(tmp_path, recorded.read("ina3221/good"))
    recorded.write(tmp_path, recorded.read("rapl/good")["files"])
    for dear, sensor in ((1, "rapl"), (2, None)):
        spent = iter([0.0, 5 * 0.0301] * dear + [0.0, 0.0])
        monkeypatch.setattr(energy, "_cpu_s", lambda spent=spent: next(spent))
        found, troubles = choose(place, EnergyPlan())
        assert (found and found.gauge.sensor) == sensor
        refused = [one for one in troubles if "of a processor" in one.reason]
        assert [one.sensor for one in refused] == ["ina3221", "rapl"][:dear]
        assert refused[0].reason == (
            "a reading takes 30.1 ms of a processor: expected 30 ms at most, for one every 4 s, which windows need, to "
            "stay under 2 % of it"
        )


@pytest.mark.parametrize("phase_s", [0.0, 1.3, 3.99])
def test_windows_bear_the_longest_time_between_readings(phase_s: float) -> None:
    """However the readings fall, the longest window is covered, and the energy in it is told."""
    period_s = 4.0
    seconds, lead = window_s(1e-3, period_s, 2.0), lead_s(period_s)
    at_s = [phase_s + period_s * number - lead for number in range(int((seconds + 2 * lead) / period_s))]
    found = integrated(at_s, [watts(5.0)] * len(at_s), Span(start_s=0.0, end_s=seconds))
    assert found.j == pytest.approx(5.0 * seconds)


def test_thread_reads_while_it_is_wanted() -> None:
    """And ends with it: afterwards nothing is read and nothing is kept."""
    read = threading.Event()

    def reading() -> Watts:
        read.set()
        return watts(1.0)

    sampler = Sampler(gauge(reading, period_s=0.001))
    before = threading.active_count()
    read.clear()
    with sampler.reading():
        assert read.wait(10)
        assert threading.active_count() == before + 1
    assert threading.active_count() == before
    assert not sampler._kept


def test_window_is_long_enough_for_sensor_and_calls() -> None:
    """Two seconds, fifty readings within reason, ten calls; the load goes on around it for two readings."""
    assert window_s(1e-3, 0.05, 2.0) == 2.5
    assert window_s(1e-3, 0.01, 2.0) == 2.0
    assert window_s(1e-3, 2.0, 2.0) == 20.0
    assert window_s(5.0, 0.05, 2.0) == 50.0
    assert (lead_s(None), lead_s(0.05), lead_s(1.0)) == (0.2, 0.2, 2.0)


def test_source_is_told_with_what_it_covers(tmp_path: Path) -> None:
    """Sensor, rails, unit and range; the tree that stood for a board, and the troubles of the other sensors."""
    place = recorded.place(tmp_path, recorded.read("rapl/server"))
    chosen, troubles = choose(place, EnergyPlan())
    assert chosen is not None
    found = told("s1", chosen, troubles, place, replayed=True)
    assert (found.sensor, found.rung, found.unit) == ("rapl", "package counter", "J")
    assert found.rails == ("package-1", "package-1/dram", "package-0", "package-0/dram")
    assert found.wraps_at_j == pytest.approx((262143.32885, 65712.999613) * 2)
    assert found.root == str(tmp_path)
    assert {one.kind for one in found.troubles} == {"missing"}
    nothing = told("s1", None, troubles, place, replayed=False)
    assert (nothing.sensor, nothing.unit, nothing.root, nothing.rails) == (None, None, None, ())
