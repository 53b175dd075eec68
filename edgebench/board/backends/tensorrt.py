"""TensorRT through JetPack's trtexec, which builds the engine and times its calls in processes of its own."""

import ctypes
import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from edgebench.board.backends import NOT_RUN, Found, Settings, _trtexec
from edgebench.board.child import signal_name

if TYPE_CHECKING:
    import numpy as np

    from edgebench.board.backends import Arrays

FORMAT = "onnx"
DISTRIBUTION = None
PRECISIONS = ("fp32", "fp16")
OPTIONS = ()
STATUS = {"": NOT_RUN}
GET_IT = "trtexec comes with JetPack (sudo apt install nvidia-jetpack)"

_PLACES = (Path("/usr/src/tensorrt/bin/trtexec"),)  # where Debian packages of TensorRT put it, off the PATH
_OLDEST = (8, 2, 0)  # the first with --exportLayerInfo; JetPack 4.6
_NAMED_SKIP_INFERENCE = (8, 6, 0)
_STRONGLY_TYPED = (11, 0, 0)
_MOST_BYTES = 64 * 2**20
_PR_SET_PDEATHSIG = 1  # linux/prctl.h
_EXPORTS = ("exportTimes", "exportOutput", "exportLayerInfo")


def installed() -> str | None:
    """Tell whether trtexec is here, as a version: its own is not known before it runs."""
    return None if _found() is None else ""


def import_runtime(settings: Settings) -> str:
    """Return TensorRT's version; raise ValueError when trtexec is not here or cannot do what is asked."""
    found = _version(_program())
    text = ".".join(str(part) for part in found)
    if found < _OLDEST:
        raise ValueError(f"TensorRT {text} is too old: expected 8.2 or newer (JetPack 4.6)")
    if settings.precision == "fp16" and found >= _STRONGLY_TYPED:
        raise ValueError(f"TensorRT {text} takes precisions from the file alone: fp16 needs TensorRT 8 or 10")
    return text


def load(artefact: Path | None, settings: Settings) -> "Engine":
    """Build an engine from an .onnx file: trtexec times kernels, so every build may choose others."""
    program = _program()
    engine = Engine(program, _version(program))
    engine.build(str(artefact), settings.precision)
    return engine


def build_options(version: _trtexec.Version, precision: str) -> list[str]:
    """Return trtexec's options for a build; TensorFloat-32, its default on Ampere, would pass for fp32.

    >>> build_options((10, 3, 0), "fp16")
    ['--profilingVerbosity=detailed', '--noTF32', '--skipInference', '--fp16']
    """
    skip = "--skipInference" if version >= _NAMED_SKIP_INFERENCE else "--buildOnly"
    half = ["--fp16"] if precision == "fp16" else []
    return ["--profilingVerbosity=detailed", "--noTF32", skip, *half]


def timing_options(version: _trtexec.Version, calls: int, warm_up_s: float) -> list[str]:
    """Return trtexec's options for so many calls, one after the other, with transfers, without a CUDA graph.

    Without --exposeDMA the transfers of one call would overlap the computing of another.

    >>> timing_options((10, 3, 0), 20, 0.5)
    ['--iterations=20', '--duration=0', '--warmUp=500', '--exposeDMA', '--useSpinWait']
    """
    own = ["--includeDataTransfers", "--noCudaGraph"] if version >= _STRONGLY_TYPED else ["--useSpinWait"]
    return [f"--iterations={calls}", "--duration=0", f"--warmUp={round(warm_up_s * 1000)}", "--exposeDMA", *own]


class Engine:
    """An engine that trtexec built; it lies with all exports in files without a name, gone when this process is."""

    def __init__(self, program: str, version: _trtexec.Version) -> None:
        self._program = program
        self._version = version
        self._engine = _nameless()
        self._exports = {name: _nameless() for name in _EXPORTS}
        self._inputs: dict[str, IO[bytes]] = {}
        self._log = ""

    def build(self, artefact: str, precision: str) -> None:
        """Have the engine built; raise ValueError with trtexec's first error when it is not."""
        options = build_options(self._version, precision)
        arguments = [f"--onnx={artefact}", f"--saveEngine={_path(self._engine)}", *options]
        self._log = _run(self._program, arguments, [self._engine], "building an engine")
        if not os.fstat(self._engine.fileno()).st_size:
            raise ValueError("trtexec built no engine, though it said that it did")

    def set_inputs(self, inputs: "Arrays") -> None:
        """Write the inputs as raw numbers, as trtexec reads them."""
        for name, array in inputs.items():
            if "," in name or "'" in name:
                raise ValueError(f"trtexec cannot be told of an input called {name!r}")
            self._inputs[name] = _nameless()
            self._inputs[name].write(array.tobytes())
            self._inputs[name].flush()

    def timed(self, calls: int, warm_up_s: float) -> list[int]:
        """Run a fresh trtexec that warms up, then times so many calls; raise ValueError when it timed fewer."""
        for file in self._exports.values():
            file.truncate(0)  # else a trtexec that wrote nothing would leave the last one's figures
        given = ",".join(f"{name}:{_path(file)}" for name, file in self._inputs.items())
        arguments = [
            f"--loadEngine={_path(self._engine)}",
            *timing_options(self._version, calls, warm_up_s),
            *([f"--loadInputs={given}"] if given else []),
            *(f"--{name}={_path(file)}" for name, file in self._exports.items()),
        ]
        files = [self._engine, *self._inputs.values(), *self._exports.values()]
        self._log = _run(self._program, arguments, files, "timing calls")
        spans = _trtexec.times_ns(_text(self._exports["exportTimes"]), warm_up_s)
        if len(spans) < calls:
            raise ValueError(f"trtexec timed {len(spans)} calls: expected {calls}")
        return spans

    def outputs(self) -> "list[np.ndarray[Any, np.dtype[Any]]]":
        """Return the outputs of the last call, which trtexec prints with six digits."""
        order = _trtexec.tensor_names(_text(self._exports["exportLayerInfo"]))
        return _trtexec.outputs(_text(self._exports["exportOutput"]), order)

    def found(self) -> Found:
        """Return what the engine's own description says of its layers, and the GPU's name."""
        told = _text(self._exports["exportLayerInfo"])
        return Found(precision=_trtexec.precision(told), provider=f"TensorRT {_trtexec.device(self._log) or 'unknown'}")


def _found() -> str | None:
    on_path = shutil.which("trtexec")
    return on_path or next((str(place) for place in _PLACES if os.access(place, os.X_OK)), None)


def _program() -> str:
    found = _found()
    if found is None:
        raise ValueError("TensorRT's trtexec is not on this board: it comes with JetPack")
    return found


def _version(program: str) -> _trtexec.Version:
    found = _trtexec.version(_run(program, ["--help"], [], "telling its version"))
    if found is None:
        raise ValueError(f"{program} does not tell TensorRT's version: expected JetPack's trtexec")
    return found


def _run(program: str, arguments: list[str], files: Iterable[IO[bytes]], doing: str) -> str:
    """Run trtexec and return what it printed; raise ValueError with the first error when it fails.

    It ends with this process: an agent that kills a hanging worker kills the cause too.
    """
    libc = ctypes.CDLL(None)
    with tempfile.TemporaryFile() as log:
        process = subprocess.run(
            [program, *arguments],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            pass_fds=[file.fileno() for file in files],
            env={**os.environ, "NVIDIA_TF32_OVERRIDE": "0"},
            # safe in a worker: it has no other thread that could hold a lock
            preexec_fn=lambda: libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL),
            check=False,
        )
        printed = _text(log)
    if process.returncode == 0:
        return printed
    if process.returncode < 0:
        memory = " (the kernel does that when memory runs out)" if process.returncode == -signal.SIGKILL else ""
        raise ValueError(f"trtexec was ended by {signal_name(-process.returncode)} while {doing}{memory}")
    last = printed.strip().rpartition("\n")[2][:200]
    said = _trtexec.reason(printed) or last or "it said nothing"
    raise ValueError(f"trtexec failed at {doing} (exit status {process.returncode}): {said}")


def _nameless() -> IO[bytes]:
    return tempfile.TemporaryFile()


def _path(file: IO[bytes]) -> str:
    """Return the name by which a process that inherited a file opens it."""
    return f"/dev/fd/{file.fileno()}"


def _text(file: IO[bytes]) -> str:
    file.seek(0)
    content = file.read(_MOST_BYTES + 1)
    if len(content) > _MOST_BYTES:
        raise ValueError(f"trtexec wrote more than {_MOST_BYTES} bytes")
    return content.decode(errors="replace")
