"""MNN on the CPU. Its tools are never imported: they install a package and report what they are used for."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgebench.board.backends import Found, Settings, _rounding, package_version

if TYPE_CHECKING:
    import numpy as np

    from edgebench.board.backends import Arrays

FORMAT = "mnn"
DISTRIBUTION = "mnn"
PRECISIONS = ("fp32", "fp16")
OPTIONS = ()

_PRECISIONS = {"fp32": "high", "fp16": "low"}  # "low" lowers where the processor can, and says nothing where not


def import_runtime(settings: Settings) -> str:
    """Import MNN and return its version."""
    import MNN

    return str(package_version(DISTRIBUTION) or MNN.version())


def load(artefact: Path | None, settings: Settings) -> "Session":
    """Load a .mnn file for the CPU."""
    import MNN

    interpreter = MNN.Interpreter(str(artefact))
    session = interpreter.createSession(
        {"backend": "CPU", "numThread": settings.threads, "precision": _PRECISIONS[settings.precision]}
    )
    return Session(interpreter, session)


class Session:
    """A session of MNN with host tensors for its inputs and outputs, in the order of the outputs' names."""

    def __init__(self, interpreter: Any, session: Any) -> None:
        self._interpreter = interpreter
        self._session = session
        self._inputs: Arrays = {}
        self._given: list[tuple[Any, Any]] = []
        self._taken: list[tuple[Any, Any]] = []

    def set_inputs(self, inputs: "Arrays") -> None:
        """Put the arrays into host tensors, and fit the session to their shapes where it is not."""
        self._inputs = inputs
        tensors = self._interpreter.getSessionInputAll(self._session)
        wrong = sorted(set(tensors) ^ set(inputs))
        if wrong:
            raise ValueError(f"its inputs in MNN are {', '.join(sorted(tensors))}: {wrong[0]} has no match")
        changed = [name for name, array in inputs.items() if tuple(tensors[name].getShape()) != array.shape]
        for name in changed:
            self._interpreter.resizeTensor(tensors[name], inputs[name].shape)
        if changed:
            self._interpreter.resizeSession(self._session)
        self._given = [(tensors[name], _host(array)) for name, array in inputs.items()]
        found = self._interpreter.getSessionOutputAll(self._session)
        self._taken = [(found[name], _like(found[name])) for name in sorted(found)]

    def call(self) -> None:
        """Copy the inputs into MNN's layout, run, and copy the outputs out of it."""
        self._call(self._interpreter.runSession)

    def call_between(self, before: Callable[[Any, Any], bool], after: Callable[[Any, Any], bool]) -> None:
        """Call, with functions that MNN runs before and after each operation: of its tensors, and what it is."""
        self._call(lambda session: self._interpreter.runSessionWithCallBackInfo(session, before, after))

    def _call(self, run: Callable[[Any], int]) -> None:
        for tensor, host in self._given:
            tensor.copyFrom(host)
        if run(self._session) != 0:
            raise ValueError("MNN failed to run the session")
        for tensor, host in self._taken:
            tensor.copyToHostTensor(host)

    def outputs(self) -> "list[np.ndarray[Any, np.dtype[Any]]]":
        """Return copies of the outputs, which the next call overwrites."""
        import numpy as np

        return [np.array(host.getNumpyData()).reshape(tuple(host.getShape())) for _, host in self._taken]

    def found(self) -> Found:
        """Return what is kept of the inputs, found by trying: MNN does not tell its precision."""
        return Found(precision=_rounding.kept(self, self._inputs), provider="CPU")


def _host(array: "np.ndarray[Any, Any]") -> Any:
    """Return a tensor in host memory with an array's values, in the array's layout."""
    import MNN
    import numpy as np

    kinds = {"f": (np.float32, MNN.Halide_Type_Float), "i": (np.int32, MNN.Halide_Type_Int)}
    if array.dtype.kind not in kinds:
        raise ValueError(f"MNN takes no input of type {array.dtype}")
    type_, code = kinds[array.dtype.kind]
    values = np.ascontiguousarray(array, dtype=type_)
    return MNN.Tensor(tuple(array.shape), code, values, MNN.Tensor_DimensionType_Caffe)


def _like(tensor: Any) -> Any:
    """Return a tensor in host memory that a tensor of the session can be copied to."""
    import MNN
    import numpy as np

    shape = tuple(tensor.getShape())
    whole = tensor.getDataType() == MNN.Halide_Type_Int
    empty = np.zeros(shape, np.int32 if whole else np.float32)
    code = MNN.Halide_Type_Int if whole else MNN.Halide_Type_Float
    return MNN.Tensor(shape, code, empty, MNN.Tensor_DimensionType_Caffe)
