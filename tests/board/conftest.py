"""Small networks as files: a conversion takes seconds, so each is made once a run, the usual two side by side."""

import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pytest

from edgebench.formats import convert, source

MODELS = {
    "lenet5": "lenet5",
    "mobilenet": "mobilenet_v1:width=0.25,resolution=128",
    "resnet": "resnet:depth=18,resolution=64",
    "separable": "layer:separable,size=8,in=16,out=16,kernel=3",
    "squeezenet": "squeezenet:version=1.1,resolution=64",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Network:
    """What a worker needs of a model: its file in one format, its inputs, and what it should answer."""

    file: Path
    inputs: Path
    reference: Path


@pytest.fixture(scope="session")
def network(_no_user_files: None) -> Callable[[str, str], Network]:
    """A function that gives a network in a format, from the cache of this run after the first time."""

    def made(model: str, format_name: str) -> Network:
        origin = source(MODELS[model])
        return Network(file=convert(origin, format_name).path, inputs=origin.inputs, reference=origin.reference)

    with ThreadPoolExecutor() as pool:
        list(pool.map(made, ("lenet5", "separable"), ("pt2", "onnx")))
    return made


@pytest.fixture
def _own_processors() -> Iterator[None]:
    """Take back the processors that an agent in this process leaves to its workers."""
    allowed = os.sched_getaffinity(0)
    yield
    os.sched_setaffinity(0, allowed)
