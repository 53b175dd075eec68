"""The boards as fixtures; a test that takes one lacks it, with the reason, where there can be none."""

from collections.abc import Iterator

import pytest

from edgebench.measure import setup
from edgebench.measure.link import OPTIONS_VARIABLE, linked
from tests.loopback import lab as labs
from tests.loopback.lab import Board, Lab, LabError
from tests.needing import lacking


@pytest.fixture(scope="session")
def lab() -> Iterator[Lab]:
    """A place for boards; edgebench reads its ssh configuration from now on, and none of the user's."""
    try:
        with labs.opened() as opened, pytest.MonkeyPatch.context() as patch:
            patch.setenv(OPTIONS_VARIABLE, f"-F {opened.config}")
            yield opened
    except LabError as error:
        lacking(str(error))


@pytest.fixture
def board(lab: Lab) -> Board:
    """A board with an empty home."""
    return started(lab)


@pytest.fixture(scope="module")
def shared(lab: Lab) -> Board:
    """A board for all tests of a module, none of which minds what the others leave in its home."""
    return started(lab)


@pytest.fixture
def island(lab: Lab) -> Board:
    """A board with an empty home and no network but the cable to the host."""
    return started(lab, island=True)


@pytest.fixture(scope="session")
def ready(lab: Lab) -> Board:
    """A board that is set up for the backends null and onnxruntime, the same one for all tests: takes seconds."""
    board = started(lab)
    with linked(board.host) as link:
        setup.prepare(link, ["null", "onnxruntime"], wheels="host", say=lambda _: None)
    return board


def started(lab: Lab, *, island: bool = False, **environment: str) -> Board:
    """Return a new board; the test lacks it, with the reason, where there is none."""
    try:
        return lab.board(island=island, environment=environment)
    except LabError as error:
        lacking(str(error))
