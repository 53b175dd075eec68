"""Inductor's packages: made for one number of threads and one kind of processor, and refused elsewhere."""

import re
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest

from edgebench.board.backends import inductor
from edgebench.formats import for_threads
from edgebench.measure.plan import Trial, format_of
from tests.needing import installed

Networks = Callable[[str, str], Any]

# Runs what it is given once more after three calls, and has oneDNN print what it does.
PROGRAM = """
import sys
from pathlib import Path
import numpy as np
from edgebench.board.backends import Settings, inductor
settings = Settings(threads=int(sys.argv[3]), precision="fp32", options={})
inductor.import_runtime(settings)
loaded = inductor.load(Path(sys.argv[1]), settings)
with np.load(sys.argv[2]) as stored:
    loaded.set_inputs({name: stored[name] for name in stored.files})
for _ in range(3):
    loaded.call()
import torch
with torch.backends.mkldnn.verbose(torch.backends.mkldnn.VERBOSE_ON):
    loaded.call()
"""


def test_a_package_for_another_number_of_threads_is_refused() -> None:
    """Its weights would be moved at each call: the sentence names both numbers."""
    found = {"edgebench_threads": "2"}
    inductor.check_threads(found, 2)
    with pytest.raises(ValueError, match="compiled this file for 2 threads, and 1 were asked for"):
        inductor.check_threads(found, 1)


def test_a_package_for_another_processor_is_refused() -> None:
    """Its code would crash: the sentence names both."""
    found = {"edgebench_machine": "x86_64", "edgebench_cpu": "AVX512"}
    inductor.check_cpu(found, "x86_64", "AVX512")
    with pytest.raises(ValueError, match="for x86_64 with AVX512, and this is x86_64 with AVX2"):
        inductor.check_cpu(found, "x86_64", "AVX2")


def test_a_format_for_a_number_of_threads_has_it_in_its_name() -> None:
    """Trials of one run that differ in threads load different files where the format says so, else the same one."""
    assert (for_threads("aoti", 2), for_threads("onnx", 2)) == ("aoti@2", "onnx")
    formats = {"inductor": "aoti", "inductor|fp32|1": "aoti@1", "inductor|fp32|2": "aoti@2", "onnxruntime": "onnx"}
    for backend, threads, wanted in (("inductor", 1, "aoti@1"), ("inductor", 2, "aoti@2"), ("onnxruntime", 2, "onnx")):
        assert format_of(formats, Trial(model="lenet5", backend=backend, threads=threads)) == wanted


@pytest.mark.slow
@pytest.mark.parametrize("threads", [1, 2])
def test_weights_lie_where_a_call_wants_them(threads: int, network: Networks) -> None:
    """A steady call computes each of 27 convolutions of MobileNetV1, and moves no weights into other blocks."""
    installed("inductor")
    if " " in sys.prefix:
        pytest.skip("inductor's compiler takes no path with a space")
    made = network("mobilenet", for_threads("aoti", threads))
    command = [sys.executable, "-c", PROGRAM, str(made.file), str(made.inputs), str(threads)]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    done = re.findall(r"^onednn_verbose,v1,primitive,exec,cpu,(\w+),", said, flags=re.MULTILINE)
    assert done.count("convolution") == 27
    assert "reorder" not in done
