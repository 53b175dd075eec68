"""Accuracy and layers from a request to the tables, with a network whose right answers are known."""

from pathlib import Path

import numpy as np
import pytest
import torch

from edgebench import api, architectures
from edgebench.errors import UsageError
from edgebench.report import answer

MODEL = "lenet5"
IMAGES = 40


@pytest.fixture
def given(tmp_path: Path) -> api.Request:
    """Return a request for a network with given weights, and images that show what torch answers to them."""
    torch.manual_seed(1)
    network = architectures.build(architectures.parse(MODEL))
    torch.save(network.state_dict(), tmp_path / "weights.pt")
    inputs = torch.randn(IMAGES, 1, 32, 32)
    with torch.inference_mode():
        labels = network(inputs).argmax(1)
    np.savez(tmp_path / "data.npz", inputs=inputs.numpy(), labels=labels.numpy())
    return api.Request(
        models=(MODEL,),
        weights=tmp_path / "weights.pt",
        backends=("onnxruntime",),
        data=tmp_path / "data.npz",
        invocations=1,
        memory=False,
        results=tmp_path / "results",
    )


def with_(request: api.Request, **changes: object) -> api.Request:
    """Return a request with other fields."""
    from dataclasses import replace

    return replace(request, **changes)  # type: ignore[arg-type] # the tests name the fields


@pytest.mark.slow
def test_a_run_tells_the_accuracy_of_what_it_timed(given: api.Request) -> None:
    """fp32 answers as torch does, int8 has a share of its own, and the images that calibrate are in neither."""
    result = api.run(with_(given, precisions=("fp32", "int8"), layers=True))
    fp32, int8 = (row for row in result.summary.trials if not row.twin)
    assert (fp32.images, int8.images) == (30, 30)
    assert (fp32.top1, fp32.top5) == (1.0, 1.0)
    assert int8.top1 is not None
    assert fp32.artefact_sha256 != int8.artefact_sha256
    layers = [row for row in result.summary.layers if row.trial == fp32.trial and row.in_channels is not None]
    assert [row.layer for row in layers] == ["C1", "C3", "C5", "F6", "OUT"]
    assert api.recompute(result.folder).summary.trials == result.summary.trials
    told = " ".join(answer.sentences(result.summary))
    assert "top-1 of 30 images of data.npz" in told
    assert "int8 was calibrated on 10 other images" in told


def test_a_plan_refuses_data_that_does_not_fit(given: api.Request, tmp_path: Path) -> None:
    """Drawn weights, and a path that is none, are refused before anything is measured."""
    with pytest.raises(UsageError, match=r"The weights of lenet5 are drawn"):
        api.plan(with_(given, weights=None))
    with pytest.raises(UsageError, match=r"none\.npz is no data"):
        api.plan(with_(given, data=tmp_path / "none.npz"))


def test_a_plan_counts_the_calls_that_answer(given: api.Request) -> None:
    """The time that is expected grows with the images."""
    without = api.plan(with_(given, data=None)).measuring_s
    with_images = api.plan(given).measuring_s
    assert without is not None
    assert with_images is not None
    assert with_images > without
