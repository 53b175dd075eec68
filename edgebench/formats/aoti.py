"""AOTInductor's package: a network compiled by torch inductor and this machine's C++ compiler, for this processor."""

import os
import platform
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch

SUFFIX = ".pt2"
DISTRIBUTIONS = ("torch",)


def convert(module: "torch.nn.Module", inputs: "dict[str, torch.Tensor]", path: Path) -> None:
    """Write one package; its code is machine code, which only a processor with the same instructions can run."""
    if " " in sys.prefix:
        raise ValueError(f"torch inductor compiles nothing where a path holds a space, as {sys.prefix} does")
    os.environ["TORCHINDUCTOR_CACHE_DIR"] = str(Path.cwd() / "inductor")  # else in /tmp, for ever
    import torch
    import torch._inductor

    with torch.no_grad():
        program = torch.export.export(module, tuple(inputs.values()))
        torch._inductor.aoti_compile_and_package(
            program,
            package_path=str(path),
            inductor_configs={
                "freezing": True,
                "cpp.dynamic_threads": True,  # else the number of threads here is compiled in
                "compile_threads": 1,
                "aot_inductor.metadata": {
                    "edgebench_machine": platform.machine(),
                    "edgebench_cpu": torch.backends.cpu.get_cpu_capability(),
                },
            },
        )
