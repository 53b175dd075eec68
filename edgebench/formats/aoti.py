"""AOTInductor's package: a network compiled by torch inductor and this machine's C++ compiler, for this processor.

Frozen weights lie in the blocks that oneDNN chooses for a number of threads. With another number it moves them into
other blocks at each call: MobileNetV1 takes seven times as long then. So a package is for one number of threads.
"""

import os
import platform
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch

SUFFIX = ".pt2"
DISTRIBUTIONS = ("torch",)
FOR_THREADS = True


def convert(module: "torch.nn.Module", inputs: "dict[str, torch.Tensor]", path: Path, threads: int) -> None:
    """Write one package; its code is machine code, which only a processor with the same instructions can run."""
    if " " in sys.prefix:
        raise ValueError(f"torch inductor compiles nothing where a path holds a space, as {sys.prefix} does")
    os.environ["TORCHINDUCTOR_CACHE_DIR"] = str(Path.cwd() / "inductor")  # else in /tmp, for ever
    import torch
    import torch._inductor

    torch.set_num_threads(threads)
    with torch.no_grad():
        program = torch.export.export(module, tuple(inputs.values()))
        torch._inductor.aoti_compile_and_package(
            program,
            package_path=str(path),
            inductor_configs={
                "freezing": True,
                "compile_threads": 1,
                "aot_inductor.metadata": {
                    "edgebench_machine": platform.machine(),
                    "edgebench_threads": str(threads),
                    "edgebench_cpu": torch.backends.cpu.get_cpu_capability(),
                },
            },
        )
