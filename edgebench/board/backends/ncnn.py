"""ncnn on the CPU, from a network's two files in one .zip, which also tells where its batch axis is."""

import json
import shutil
import tempfile
import zipfile
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from edgebench.board.backends import Found, Settings, _rounding

if TYPE_CHECKING:
    import numpy as np

    from edgebench.board.backends import Arrays

FORMAT = "ncnn"
DISTRIBUTION = "ncnn"
PRECISIONS = ("fp32", "fp16", "bf16")
OPTIONS = ()

_LOWERING = {
    "use_fp16_packed": "fp16",
    "use_fp16_storage": "fp16",
    "use_fp16_arithmetic": "fp16",
    "use_bf16_packed": "bf16",
    "use_bf16_storage": "bf16",
}
"""ncnn's options that lower precision, as far as the processor can."""
_FP16_TAG = 0x01306B47  # before weights in half precision: ncnn src/modelbin.cpp; as fp32 it is 3e-38
_MOST_INTERFACE_BYTES = 2**20


def import_runtime(settings: Settings) -> str:
    """Import ncnn and return its version."""
    import ncnn

    return str(ncnn.__version__)


def load(artefact: Path | None, settings: Settings) -> "Network":
    """Load a network; by default ncnn would keep activations in fp16 where the processor can convert them."""
    import ncnn

    net = ncnn.Net()
    net.opt.num_threads = settings.threads
    net.opt.use_vulkan_compute = False
    for option, precision in _LOWERING.items():
        setattr(net.opt, option, settings.precision == precision)
    return opened(net, artefact)


def opened(net: Any, artefact: Path | None) -> "Network":
    """Return a net whose options are set with an artefact's files in it; raise ValueError when ncnn refuses them."""
    assert artefact is not None
    with zipfile.ZipFile(artefact) as stored:
        _refuse_packed(stored, artefact)
        interface = json.loads(_text(stored, "interface.json"))
        with tempfile.TemporaryFile() as param, tempfile.TemporaryFile() as weights:
            for name, file in (("model.param", param), ("model.bin", weights)):
                with stored.open(name) as member:
                    shutil.copyfileobj(member, file)
                file.flush()
            if net.load_param(_path(param)) != 0:
                raise ValueError("ncnn cannot load the network: its words on stderr name the layer it does not know")
            if net.load_model(_path(weights)) != 0:
                raise ValueError("ncnn cannot load the network's weights")
            halved = _halved(weights)
    return Network(net, interface, halved=halved)


class Network:
    """A network with the inputs of its next call."""

    def __init__(self, net: Any, interface: dict[str, Any], *, halved: bool) -> None:
        self._net = net
        self._named = interface["inputs"]
        self._shaped = interface["outputs"]
        self._blobs = sorted(net.input_names(), key=_number)
        self._output_blobs = sorted(net.output_names(), key=_number)
        if (len(self._blobs), len(self._output_blobs)) != (len(self._named), len(self._shaped)):
            raise ValueError(f"its inputs and outputs in ncnn are {self._blobs} and {self._output_blobs}")
        self._halved = halved
        self._inputs: Arrays = {}
        self._mats: list[tuple[str, Any]] = []
        self._outputs: list[Any] = []

    def set_inputs(self, inputs: "Arrays") -> None:
        """Share the arrays with ncnn, which does not keep them alive."""
        import numpy as np

        self._inputs = {name: np.ascontiguousarray(array) for name, array in inputs.items()}
        self._mats = [
            (blob, _mat(self._inputs[one["name"]], one["batch_axis"]))
            for blob, one in zip(self._blobs, self._named, strict=True)
        ]

    def call(self) -> None:
        """Run the network up to each output; outputs come in fp32 rows, as ncnn's users get them."""
        import ncnn

        extractor = self.extractor()
        found = []
        for blob in self._output_blobs:
            mat = ncnn.Mat()
            if extractor.extract(blob, mat) != 0:
                raise ValueError(f"ncnn failed at {blob}: a layer said no, or memory ran out")
            found.append(mat)
        self._outputs = found

    def extractor(self) -> Any:
        """Return what computes any blob that it is asked for, from the inputs."""
        extractor = self._net.create_extractor()
        for blob, mat in self._mats:
            extractor.input(blob, mat)
        return extractor

    def outputs(self) -> "list[np.ndarray[Any, np.dtype[Any]]]":
        """Return copies of the outputs of the last call, with their batch axis."""
        pairs = zip(self._outputs, self._shaped, strict=True)
        return [_array(mat, tuple(one["shape"]), one["batch_axis"]) for mat, one in pairs]

    def found(self) -> Found:
        """Return what is kept of the inputs, found by trying, and to what options or the file may lower weights.

        On x86 fp16 storage is of the weights of fully connected layers alone, which inputs do not show.
        """
        kinds = {_rounding.kept(self, self._inputs)} | ({"fp16"} if self._halved else set())
        kinds |= {precision for option, precision in _LOWERING.items() if getattr(self._net.opt, option)}
        return Found(precision="+".join(sorted(kinds)), provider="CPU")


def _mat(array: "np.ndarray[Any, Any]", batch_axis: int | None) -> Any:
    """Return an array as ncnn takes it: its batch is no axis of the data."""
    import ncnn

    if batch_axis is None:
        return ncnn.Mat(array)
    if array.shape[batch_axis] == 1:
        return ncnn.Mat(array.squeeze(batch_axis))
    return ncnn.Mat(array, batch_index=batch_axis)


def _array(mat: Any, shape: tuple[int, ...], batch_axis: int | None) -> "np.ndarray[Any, Any]":
    import numpy as np

    if batch_axis is None or shape[batch_axis] == 1:
        return np.array(mat).reshape(shape)
    return np.array(mat.numpy(batch_index=batch_axis)).reshape(shape)


def _number(blob: str) -> int:
    """Return the place that a blob's name ends with: pnnx calls them in0, in1, out0.

    >>> _number("out10")
    10
    """
    digits = blob.lstrip("abcdefghijklmnopqrstuvwxyz")
    if not digits.isdecimal():
        raise ValueError(f"{blob!r} is no input or output as pnnx names them")
    return int(digits)


def _refuse_packed(stored: zipfile.ZipFile, artefact: Path) -> None:
    """Raise ValueError for a file that would become larger: a few kilobytes can hold gigabytes of zeros."""
    members = stored.infolist()
    packed = any(one.compress_type != zipfile.ZIP_STORED for one in members)
    if packed or sum(one.file_size for one in members) > artefact.stat().st_size:
        raise ValueError("the network's files are packed: expected them as they are, none in another")


def _text(stored: zipfile.ZipFile, name: str) -> bytes:
    with stored.open(name) as member:
        return member.read(_MOST_INTERFACE_BYTES)


def _path(file: IO[bytes]) -> str:
    """Return a name by which a file without one is opened again, from its beginning."""
    return f"/dev/fd/{file.fileno()}"


def _halved(weights: IO[bytes]) -> bool:
    """Tell whether a file holds weights in half precision: ncnn computes with what they were rounded to."""
    import numpy as np

    if weights.seek(0, 2) < np.uint32().itemsize:
        return False
    words = np.memmap(weights, dtype=np.uint32, mode="r", shape=(weights.tell() // 4,))
    return bool((words == _FP16_TAG).any())
