"""What a test needs and this machine may lack: a reason to skip here, a failure where every test is to run."""

import os
from typing import NoReturn

import pytest

from edgebench.board.backends import Backend, load_backend, runtime_version

ALL_TESTS = bool(os.environ.get("EDGEBENCH_ALL_TESTS"))
"""Whether nothing may be lacking, as in CI; read once, since tests hide a user's variables from what they start."""


def lacking(reason: str) -> NoReturn:
    """Skip a test for want of something, or fail it where every test is to run."""
    if ALL_TESTS:
        pytest.fail(f"{reason}: EDGEBENCH_ALL_TESTS is set, so nothing may be lacking", pytrace=False)
    pytest.skip(reason)


def installed(backend: str) -> Backend:
    """Return a backend whose runtime is installed; without it the test lacks something."""
    module = load_backend(backend)
    if runtime_version(module) is None:
        lacking(f"the runtime of {backend} is not installed")
    return module
