"""Files that cannot be used: one sentence each, exit code 2, and no more memory than a reader may take."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from onnx import helper

from edgebench import formats
from edgebench.errors import UsageError
from tests.formats import onnx_files, tflite_files
from tests.formats.onnx_files import model, node, value, written
from tests.formats.tflite_files import Part

MOST_RESIDENT_BYTES = 1024 * 2**20


def changed(change: Callable[[Any], object]) -> Callable[[Path], Path]:
    """Return a maker of the small network after a change."""

    def make(folder: Path) -> Path:
        one = onnx_files.small()
        change(one)
        return written(folder, one)

    return make


def raw(content: bytes) -> Callable[[Path], Path]:
    """Return a maker of a file with this content."""

    def make(folder: Path) -> Path:
        (folder / "net.onnx").write_bytes(content)
        return folder / "net.onnx"

    return make


def shaped(*shape: int) -> Callable[[Path], Path]:
    """Return a maker of the small network with an input of a shape."""

    def change(one: Any) -> None:
        one.graph.input[0].CopyFrom(value("x", *shape))

    return changed(change)


def huge_stored(one: Any) -> None:
    """Let a weight say that it has 10^15 values."""
    one.graph.initializer[0].dims[:] = [10**9, 10**6]


def cyclic(folder: Path) -> Path:
    """Write a network whose two nodes read each other."""
    nodes = [node("Add", ["x", "b"], ["a"]), node("Relu", ["a"], ["b"])]
    return written(folder, model(nodes, [value("x", 1, 3)], [value("b", 1, 3)]))


def own_functions(folder: Path) -> Path:
    """Write 5 kB of functions that stand for 2^39 operations."""
    imports = [helper.make_opsetid("", 18), helper.make_opsetid("own", 1)]
    found = [helper.make_function("own", "F0", ["a"], ["b"], [node("Relu", ["a"], ["b"])], imports)]
    for level in range(1, 40):
        calls = [node(f"F{level - 1}", [a], [b], domain="own") for a, b in (("a", "t"), ("t", "b"))]
        found.append(helper.make_function("own", f"F{level}", ["a"], ["b"], calls, imports))
    nodes = [node("F39", ["x"], ["y"], domain="own")]
    return written(folder, model(nodes, [value("x", 1)], [value("y", 1)], others=["own"], functions=found))


def link_outside(folder: Path) -> Path:
    """Write a network whose weights are said to be beside it, where a link leads to another folder."""
    (folder / "sub").mkdir()
    path = onnx_files.outside(folder)
    (folder / "sub" / "weights.bin").symlink_to(folder / "weights.bin")
    return path.rename(folder / "sub" / "net.onnx")


def deleted(folder: Path) -> Path:
    """Write a network whose weights are gone."""
    path = onnx_files.outside(folder)
    (folder / "weights.bin").unlink()
    return path


SMALL = onnx_files.small().SerializeToString()

ONNX = {
    "empty": (raw(b""), "it holds no ONNX graph"),
    "truncated": (raw(SMALL[: len(SMALL) // 2]), "it is no ONNX file, or only a part of one"),
    "another kind": (raw(b"%PDF-1.7 nothing of ours\n" * 20), "it is no ONNX file, or only a part of one"),
    "future opset": (changed(lambda one: setattr(one.opset_import[0], "version", 999)), "it is of opset 999, and onnx"),
    "opset zero": (changed(lambda one: setattr(one.opset_import[0], "version", 0)), "it is of opset 0, and onnx"),
    "no opset": (changed(lambda one: one.ClearField("opset_import")), "does not say of which opset"),
    "future version": (changed(lambda one: setattr(one, "ir_version", 999)), "it is of IR version 999, and onnx"),
    "no version": (changed(lambda one: one.ClearField("ir_version")), "it holds no ONNX graph"),
    "weights missing": (deleted, "the file 'weights.bin' with the values of 'v' is missing"),
    "weights above": (
        lambda folder: onnx_files.outside(folder, "../weights.bin"),
        r"'v' are in '../weights.bin', outside the folder of the model: they are not read",
    ),
    "weights absolute": (lambda folder: onnx_files.outside(folder, "/etc/passwd"), "outside the folder of the model"),
    "weights through a link": (link_outside, "outside the folder of the model"),
    "weights a folder": (lambda folder: onnx_files.outside(folder, "."), "'.' with the values of 'v' is no file"),
    "weights nowhere": (lambda folder: onnx_files.outside(folder, ""), "does not say in which file"),
    "weights too short": (
        lambda folder: onnx_files.outside(folder, length="99999"),
        "the file 'weights.bin' ends before the values of 'v' do",
    ),
    "weights behind the end": (
        lambda folder: onnx_files.outside(folder, offset="99999"),
        "the file 'weights.bin' ends before the values of 'v' do",
    ),
    "weights at a word": (lambda folder: onnx_files.outside(folder, offset="-8"), "expected a number of bytes"),
    "negative side": (shaped(1, -3, 8, 8), r"its input 'x' has the shape \[1, -3, 8, 8\], expected sides from 1"),
    "zero side": (shaped(1, 3, 0, 8), r"its input 'x' has the shape \[1, 3, 0, 8\], expected sides from 1"),
    "endless side": (shaped(1, 3, 2**40, 8), "its input 'x' has the shape"),
    "endless map": (shaped(1, 3, 2**20, 2**20), "2147483648 elements at most"),
    "endless weight": (changed(huge_stored), "the stored tensor 'w' has the shape"),
    "too few values": (
        changed(lambda one: setattr(one.graph.initializer[0], "raw_data", b"1234")),
        r"'w' of shape \[4, 3, 3, 3\] has 4 bytes, expected 432",
    ),
    "unknown type": (
        changed(lambda one: setattr(one.graph.initializer[0], "data_type", 999)),
        "the stored tensor 'w' has values of type 999, which ONNX does not know",
    ),
    "huge attribute": (
        changed(lambda one: one.graph.node[0].attribute[0].ints.extend([1] * 1_000_000)),
        "the attribute 'pads' of Conv 'c' has 1000004 values, expected 4096 at most",
    ),
    "cycle": (cyclic, "Add 'a' reads 'b', which is made only after it: its nodes form a cycle, or are out of order"),
    "nothing read": (
        changed(lambda one: one.graph.node[1].input.__setitem__(0, "nobody")),
        "Relu 'r' reads 'nobody', which is made by nothing",
    ),
    "made twice": (
        changed(lambda one: one.graph.node[1].output.__setitem__(0, "c")),
        "Relu 'r' makes 'c', which is there already",
    ),
    "output of nothing": (
        changed(lambda one: setattr(one.graph.output[0], "name", "nobody")),
        "its output 'nobody' is made by nothing",
    ),
    "unknown operation": (
        changed(lambda one: setattr(one.graph.node[1], "op_type", "Rellu")),
        "ONNX's own check refuses it",
    ),
    "inputs without a type": (
        changed(lambda one: one.graph.input[0].ClearField("type")),
        "its input 'x' is no tensor",
    ),
    "an input that no table could name": (
        lambda folder: written(folder, model([node("Relu", ["a b"], ["y"])], [value("a b", 1)], [value("y", 1)])),
        "its input is called 'a b', expected letters, digits",
    ),
    "functions without end": (own_functions, "takes more memory than a file of its size may"),
}


@pytest.mark.parametrize("case", ONNX)
def test_a_wrong_onnx_file_is_one_sentence(case: str, tmp_path: Path) -> None:
    """What is wrong with a file is said in one sentence that names the file and ends there."""
    make, reason = ONNX[case]
    path = make(tmp_path)
    with pytest.raises(UsageError, match=reason) as raised:
        formats.adopt(path, {})
    said = str(raised.value)
    assert said.startswith(f"{path} cannot be used as an ONNX model: ")
    assert said.endswith(".")
    assert said.isprintable()


def test_a_terminal_is_not_rewritten(tmp_path: Path) -> None:
    """Control characters of a file do not reach the terminal."""
    nodes = [node("Relu", ["\x1b[31mx"], ["y"])]
    with pytest.raises(UsageError, match=r"reads '\?\[31mx'"):
        formats.adopt(written(tmp_path, model(nodes, [value("x", 1)], [value("y", 1)])), {})


# --- .tflite ---------------------------------------------------------------------------------------------------------

RELU = Part(operator="RELU", inputs=(0,), outputs=(1,))
TWO = [("x", (1, 4), None), ("y", (1, 4), None)]

TFLITE = {
    "empty": (b"", "it is no TensorFlow Lite file"),
    "another kind": (SMALL, "it is no TensorFlow Lite file"),
    "truncated": (tflite_files.small()[:400], "only a part of one|ends before"),
    "another schema": (tflite_files.made(TWO, [RELU], (0,), (1,), version=2), "it is of schema 2, expected 3"),
    "a tensor that is not there": (
        tflite_files.made(TWO, [Part(operator="RELU", inputs=(9,), outputs=(1,))], (0,), (1,)),
        "it reads or makes tensor 9, and there are 2",
    ),
    "cycle": (
        tflite_files.made(
            [*TWO, ("z", (1, 4), None)],
            [Part(operator="ADD", inputs=(0, 2), outputs=(1,)), Part(operator="RELU", inputs=(1,), outputs=(2,))],
            (0,),
            (2,),
        ),
        "ADD 'y#1' reads 'z#2', which is made only after it",
    ),
    "endless map": (
        tflite_files.made([("x", (1, 2**30, 2**30, 3), None), TWO[1]], [RELU], (0,), (1,)),
        "has the shape .* 2147483648 elements at most",
    ),
    "negative side": (tflite_files.made([("x", (1, -4), None), TWO[1]], [RELU], (0,), (1,)), "has the shape"),
    "no operations": (tflite_files.made(TWO, [], (0,), (1,)), "says that it has 0 operations"),
}


@pytest.mark.parametrize("case", TFLITE)
def test_a_wrong_tflite_file_is_one_sentence(case: str, tmp_path: Path) -> None:
    """What is wrong with a file is said in one sentence that names the file and ends there."""
    content, reason = TFLITE[case]
    path = tflite_files.written(tmp_path, content)
    with pytest.raises(UsageError, match=reason) as raised:
        formats.adopt(path, {})
    said = str(raised.value)
    assert said.startswith(f"{path} cannot be used as a TensorFlow Lite model: ")
    assert said.endswith(".")
    assert said.isprintable()


def test_a_tflite_file_keeps_its_shape(tmp_path: Path) -> None:
    """A shape other than the file's own is refused: only its runtime could tell what that changes."""
    path = tflite_files.written(tmp_path, tflite_files.small())
    assert formats.adopt(path, {"x": (1, 8, 8, 3)}) == formats.adopt(path, {})
    with pytest.raises(UsageError, match="its input is of shape 1x8x8x3, and cannot be given 1x9x9x3"):
        formats.adopt(path, {"0": (1, 9, 9, 3)})
    with pytest.raises(UsageError, match="it has no input 'z': its inputs are x"):
        formats.adopt(path, {"z": (1, 8, 8, 3)})


# --- the command line ------------------------------------------------------------------------------------------------


def command(path: Path, *options: str) -> "subprocess.CompletedProcess[str]":
    """Run `edgebench count` on a file."""
    words = [sys.executable, "-m", "edgebench", "count", str(path), *options]
    return subprocess.run(words, capture_output=True, text=True, check=False, cwd=path.parent)


@pytest.mark.parametrize("case", ["truncated", "weights above", "cycle", "huge attribute"])
def test_the_command_ends_with_2(case: str, tmp_path: Path) -> None:
    """A wrong file ends the command with code 2 and one line on standard error, without a traceback."""
    make, _ = ONNX[case]
    done = command(make(tmp_path))
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("edgebench: ")
    assert done.stderr.count("\n") == 1


def test_a_right_file_ends_with_0(tmp_path: Path) -> None:
    """A file that can be used is counted."""
    done = command(written(tmp_path, onnx_files.small()), "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["mult_adds"] == onnx_files.SMALL_MULT_ADDS


def test_a_reader_is_held_to_memory(tmp_path: Path) -> None:
    """No process that reads a small file, however it is made, comes to hold more than a gibibyte."""
    program = (
        "import resource, sys; from pathlib import Path; from edgebench import formats\n"
        "from edgebench.errors import UsageError\n"
        "try:\n    formats.adopt(Path(sys.argv[1]), {})\n"
        "except UsageError:\n    pass\n"
        "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)"
    )
    path = own_functions(tmp_path)
    done = subprocess.run([sys.executable, "-c", program, str(path)], capture_output=True, text=True, check=True)
    kib = 1024  # the unit of Linux for it
    assert int(done.stdout) * kib < MOST_RESIDENT_BYTES


def test_a_reader_leaves_no_core(tmp_path: Path) -> None:
    """The process that reads may have neither core files nor more addresses than it was given."""
    program = (
        "import resource; from edgebench.formats._limits import allow, hold\n"
        "hold(2**30); allow(2**20)\n"
        "print(resource.getrlimit(resource.RLIMIT_AS)[0], resource.getrlimit(resource.RLIMIT_CORE)[0])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=tmp_path)
    assert done.stdout.split() == [str(2**30 + 2**20), "0"]


def test_what_is_no_file_is_said(tmp_path: Path) -> None:
    """A path that is missing, a folder or a pipe is no file."""
    os.mkfifo(tmp_path / "pipe.onnx")
    (tmp_path / "folder.onnx").mkdir()
    for name in ("missing.onnx", "folder.onnx", "pipe.onnx"):
        with pytest.raises(UsageError, match=f"{name} is no file: expected an ONNX model"):
            formats.adopt(tmp_path / name, {})
