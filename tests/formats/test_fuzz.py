"""Files of users are not to be trusted: whatever their bytes, the answer is a graph or one sentence."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.formats import onnx_files, tflite_files

SMALL = {"onnx": onnx_files.small().SerializeToString(), "tflite": tflite_files.small()}
ENDINGS = (-6, -11, -7, -8, -9)  # by SIGABRT, SIGSEGV, SIGBUS, SIGFPE, SIGKILL: a process of its own is there for these
REPEATED = settings(max_examples=200, derandomize=True, database=None, deadline=None)

flips = st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 255)), min_size=1, max_size=8)
ends = st.floats(0, 1, exclude_max=True)


class Reader:
    """The process that reads file after file; a new one is started when it ended by a signal."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._process = self._started()

    def outcome(self, form: str, content: bytes) -> str:
        """Return what comes of these bytes: a word and its reason, or `signal`."""
        path = self._folder / f"net.{form}"
        path.write_bytes(content)
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(f"{path}\n")
        self._process.stdin.flush()
        answer = self._process.stdout.readline()
        if answer:
            return answer.strip()
        status = self._process.wait()
        self._process = self._started()
        assert status in ENDINGS, status
        return "signal"

    def close(self) -> None:
        """End the process."""
        self._process.communicate()

    @staticmethod
    def _started() -> "subprocess.Popen[str]":
        command = [sys.executable, "-m", "tests.formats.reading_many"]
        root = Path(__file__).parents[2]
        return subprocess.Popen(
            command, cwd=root, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        )


@pytest.fixture(scope="module")
def reader(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Reader]:
    """Return a process that reads files."""
    found = Reader(tmp_path_factory.mktemp("fuzz"))
    yield found
    found.close()


def check(outcome: str) -> None:
    """Fail for everything but an answer."""
    word, _, reason = outcome.partition(" ")
    assert word in {"counted", "refused", "malformed", "memory", "signal"}, outcome
    if word == "malformed":
        assert reason
        assert reason.isprintable()
        assert not reason.endswith(".")


@pytest.mark.parametrize("form", SMALL)
def test_the_small_files_are_right(form: str, reader: Reader) -> None:
    """What the other tests break is whole: it reads and counts."""
    expected = {"onnx": onnx_files.SMALL_MULT_ADDS, "tflite": tflite_files.SMALL_MULT_ADDS}
    assert reader.outcome(form, SMALL[form]) == f"counted {expected[form]}"


@pytest.mark.parametrize("form", SMALL)
def test_changed_bytes_are_answered(form: str, reader: Reader) -> None:
    """A file with some bytes changed is read or refused in one sentence."""

    @REPEATED
    @given(flips)
    def answered(changes: list[tuple[float, int]]) -> None:
        content = bytearray(SMALL[form])
        for place, byte in changes:
            content[int(place * len(content))] = byte
        check(reader.outcome(form, bytes(content)))

    answered()


@pytest.mark.parametrize("form", SMALL)
def test_cut_files_are_answered(form: str, reader: Reader) -> None:
    """A file that ends early, or has a piece cut out, is read or refused in one sentence."""

    @REPEATED
    @given(ends, ends)
    def answered(first: float, second: float) -> None:
        content = SMALL[form]
        begin, end = sorted((int(first * len(content)), int(second * len(content))))
        check(reader.outcome(form, content[:begin]))
        check(reader.outcome(form, content[:begin] + content[end:]))

    answered()


@pytest.mark.parametrize("form", SMALL)
def test_any_bytes_are_answered(form: str, reader: Reader) -> None:
    """Bytes that never were a model are refused."""

    @REPEATED
    @given(st.binary(max_size=256))
    def answered(content: bytes) -> None:
        check(reader.outcome(form, content))
        check(reader.outcome(form, SMALL[form][:64] + content))

    answered()


NUMBERS = st.sampled_from((-(2**63), -1, 0, 1, 2, 3, 7, 2**16, 2**31, 2**40, 2**63 - 1))


@REPEATED
@given(st.tuples(NUMBERS, NUMBERS, NUMBERS), st.tuples(NUMBERS, NUMBERS), st.booleans(), NUMBERS)
def test_wrong_numbers_are_answered(
    reader: Reader, window: tuple[int, int, int], sides: tuple[int, int], is_open: bool, axis: int
) -> None:
    """A network whose shapes, strides, groups and axes are any numbers is counted or refused in one sentence."""
    group, stride, dilation = window
    one = onnx_files.small()
    one.graph.node[0].attribute.extend(
        onnx_files.node("Conv", [], [""], group=group, strides=[stride, 1], dilations=[dilation, 1]).attribute
    )
    one.graph.node[3].attribute.extend(onnx_files.node("Flatten", [], [""], axis=axis).attribute)
    shape = one.graph.input[0].type.tensor_type.shape
    shape.dim[1].dim_value, shape.dim[2].dim_value = sides
    if is_open:
        shape.dim[3].dim_param = "width"
    check(reader.outcome("onnx", one.SerializeToString()))
