"""Nothing that CI is to run is skipped there in silence."""

from pathlib import Path

import pytest

from tests import needing

ROOT = Path(__file__).parents[1]


@pytest.mark.parametrize(("everything", "ends"), [(False, pytest.skip.Exception), (True, pytest.fail.Exception)])
def test_what_is_lacking_skips_or_fails(
    everything: bool, ends: type[BaseException], monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a developer's machine a test is skipped with its reason; where every test is to run it fails with it."""
    monkeypatch.setattr(needing, "ALL_TESTS", everything)
    monkeypatch.setattr(needing, "runtime_version", lambda module: None)
    with pytest.raises(ends, match="the runtime of onnxruntime is not installed"):
        needing.installed("onnxruntime")


def test_ci_runs_every_test() -> None:
    """CI sets what makes a test fail for want of something."""
    assert "\nexport EDGEBENCH_ALL_TESTS=1\n" in (ROOT / ".ci" / "run").read_text(encoding="utf-8")
