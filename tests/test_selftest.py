"""`edgebench selftest`: plans, words, and one real session."""

import json
import os
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from edgebench import api, cli, devices
from edgebench.api import selftesting
from edgebench.api._reaching import Board
from edgebench.board.backends import installed
from edgebench.board.probe import probe
from edgebench.errors import UsageError
from edgebench.measure.plan import VERDICT_INVOCATIONS
from edgebench.measure.statistics import Estimate
from edgebench.measure.truth import Check
from edgebench.report import selftest as report
from edgebench.store import calibration
from edgebench.store.calibration import Resolution


def plan(**given: object) -> api.Plan:
    """The plan of a self-test on this machine, drawn without an agent."""
    device, unit = devices.resolve(devices.HOST)
    board = Board(device=device, unit=unit, facts=probe(), runtimes=installed())
    return selftesting._plan(api.SelfTest(**given), board)  # type: ignore[arg-type]


def test_each_session_is_the_plan_of_a_verdict_with_a_seed_of_its_own() -> None:
    """Ten invocations, no memory taken, and orders that differ from session to session."""
    found = plan(backend="null", model="lenet5", sessions=40, seed=7)
    assert [one.name for one in found.sessions] == [f"s{number}" for number in range(1, 41)]
    assert [one.seed for one in found.sessions] == list(range(8, 48))
    assert (found.protocol.invocations, found.protocol.footprints) == (VERDICT_INVOCATIONS, 0)
    assert {len(one.trials) for one in found.sessions} == {2}
    alone_s = plan(backend="null", model="lenet5", sessions=1).measuring_s
    assert alone_s is not None
    assert found.measuring_s == pytest.approx(40 * alone_s)


def test_the_known_difference_is_exactly_one_in_twenty() -> None:
    """The two chains are computed by the backend without a runtime, one 1.05 times as long as the other."""
    found = plan(known=True, sessions=2)
    works = [int(dict(trial.backend_options)["work"]) for trial in found.trials]
    assert works == [20_000, 21_000]
    assert works[1] * 100 == works[0] * 105
    assert [len(one.trials) for one in found.sessions] == [2, 2]


def test_what_cannot_be_tested_is_refused() -> None:
    """No session tells nothing, and a load of our own runs on this machine only."""
    with pytest.raises(UsageError, match="0 sessions asked for"):
        api.selftest(api.SelfTest(sessions=0))
    with pytest.raises(UsageError, match="The neighbour runs on this machine only"):
        api.selftest(api.SelfTest(host="pi@192.0.2.1", neighbour=True))


def estimate(value: float, half: float) -> Estimate:
    """A ratio with a symmetric interval."""
    return Estimate(value=value, low=value - half, high=value + half, invocations=10)


def test_the_words_tell_how_often_it_was_wrong_and_how_fine_it_is() -> None:
    """Counts first, then the rate with its interval, then the resolution; the usual protocol stands beside it."""
    own = (*[estimate(1.0, 0.01)] * 39, estimate(1.02, 0.01))
    check = Check(truth=1.0, own=own, cpu=own, usual=tuple([estimate(1.03, 0.01)] * 40))
    first, second = report.sentences(check)
    assert first == (
        "1 of 40 sessions called a model different from itself; that is 2.50% [0.0633%, 13.2%], where 5% is nominal."
    )
    assert second.startswith("Resolution: 95% of sessions were within 0% of the truth; half of their intervals")
    columns = report.table(check).columns
    assert [str(cell) for cell in columns[1].cells] == ["1 of 40", "1 of 40", "40 of 40"]


def test_the_words_of_a_known_difference_tell_both_errors() -> None:
    """A session may miss the difference, or miss how large it is."""
    check = Check(truth=1.05, own=(estimate(1.05, 0.01), estimate(1.0, 0.01)), cpu=(), usual=())
    first, second, _ = report.sentences(check)
    assert first.startswith("1 of 2 sessions missed the true 1.05")
    assert second == "1 of 2 found the difference."


def test_what_was_found_before_is_told(tmp_path: Path) -> None:
    """Without --aa nothing is measured: the calibration speaks, or how to make one."""
    assert "never tested" in report.before(calibration.read(tmp_path, "host"))
    entry = Resolution(
        at="2026-11-22T10:00:00+00:00",
        edgebench_version="0",
        sessions=40,
        invocations=10,
        rounds=10,
        trial="lenet5|null|fp32|threads=1|batch=1",
        neighbour=True,
        seed=1,
        excluded_one=2,
        false_positive_rate=0.05,
        false_positive_rate_low=0.006,
        false_positive_rate_high=0.169,
        resolution=0.012,
        median_half_width=0.01,
        naive_excluded_one=28,
        run="2026-11-22T10-00-00Z-abcd",
    )
    found = report.before(calibration.add(tmp_path, "host", entry))
    assert found == (
        "2026-11-22T10:00:00+00:00: 2 of 40 sessions beside a neighbour called lenet5|null|fp32|threads=1|batch=1 "
        "different from itself (28 with the usual protocol); resolution 1.20%."
    )


def selftest(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """Run the command in an empty folder."""
    command = [sys.executable, "-m", "edgebench", "selftest", *words]
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])}
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)


def test_aa_and_known_are_two_tests(tmp_path: Path) -> None:
    """Both at once is wrong use."""
    done = selftest(tmp_path, "--aa", "--known")
    assert (done.returncode, done.stdout) == (2, "")
    assert "Both --aa and --known are given" in done.stderr


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--neighbour",), "--neighbour belongs to --aa or --known: give it too."),
        (("--sessions", "3"), "--sessions belongs to --aa or --known: give it too."),
        (("--model", "lenet5"), "--model belongs to --aa: give it too."),
        (("--known", "--backend", "torch"), "--backend belongs to --aa: give it too."),
    ],
)
def test_an_option_that_would_do_nothing_is_wrong_use(words: tuple[str, ...], said: str) -> None:
    """What a test would have been done with is refused where none is asked for."""
    from typer.testing import CliRunner

    done = CliRunner().invoke(cli.app, ["selftest", *words])
    assert str(done.exception) == said


@pytest.mark.slow
def test_a_session_of_a_known_difference_is_measured_beside_a_neighbour(tmp_path: Path) -> None:
    """The real command: its journal has all blocks, the check all figures, and the neighbour has ended with it."""
    done = selftest(tmp_path, "--known", "--neighbour", "--sessions", "1", "--seed", "918273", "--json")
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert told["check"]["truth"] == 1.05
    assert [len(told["check"][name]) for name in ("own", "cpu", "usual")] == [1, 1, 1]
    journal = (tmp_path / told["folder"] / "journal.jsonl").read_text().splitlines()
    events = [json.loads(line)["event"] for line in journal]
    assert (events.count("invocation"), events.count("block"), events.count("watched")) == (10, 200, 100)
    running = [process.info["cmdline"] or [] for process in psutil.process_iter(["cmdline"])]
    assert not [words for words in running if "edgebench.board.neighbour" in words and "918273" in words]
