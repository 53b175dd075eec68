"""What holds for every test: nothing of the user's is read, and a slow machine is no failure."""

import os
import signal
from collections.abc import Iterator

import pytest
from hypothesis import settings

from tests.needing import ALL_TESTS

pytest_plugins = ["tests.loopback.fixtures"]

# A deadline fails an example for what the machine's neighbours did; a failure in CI must come again on repetition.
settings.register_profile("edgebench", deadline=None, derandomize=ALL_TESTS)
settings.load_profile("edgebench")


@pytest.fixture(scope="session", autouse=True)
def _interruptible() -> None:
    """Let SIGINT reach what tests start: a shell that runs the tests in the background had it ignored from there on."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session", autouse=True)
def _no_user_files(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Keep the boards and devices of whoever runs the tests out of them."""
    base = tmp_path_factory.getbasetemp()
    # One for all that test side by side: converters take a gigabyte.
    environments = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "environments"
    cache = tmp_path_factory.mktemp("cache")
    environments.mkdir(exist_ok=True)
    (cache / "edgebench").mkdir()
    (cache / "edgebench" / "environments").symlink_to(environments)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CONFIG_HOME", str(tmp_path_factory.mktemp("config")))
        patch.setenv("XDG_CACHE_HOME", str(cache))
        yield
