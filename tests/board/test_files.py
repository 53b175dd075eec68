import hashlib
from pathlib import Path

import pytest

from edgebench.board.files import settle, sha256
from edgebench.board.wire import FileName, WireError

CONTENT = b"weights" * 1000
SHA = hashlib.sha256(CONTENT).hexdigest()
FILE = FileName(sha256=SHA, name="model.onnx")


def place(folder: Path, name: str, content: bytes) -> Path:
    """Put content where a copy of the file would lie."""
    path = folder / SHA / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


def test_what_is_not_here_is_missing(tmp_path: Path) -> None:
    """A file that nobody copied is asked for."""
    assert settle(tmp_path, [FILE]) == [SHA]


def test_a_whole_copy_takes_its_place(tmp_path: Path) -> None:
    """A part whose content has the right hash becomes the file, and is not asked for again."""
    part = place(tmp_path, "model.onnx.part", CONTENT)
    assert settle(tmp_path, [FILE]) == []
    assert not part.exists()
    assert (tmp_path / SHA / "model.onnx").read_bytes() == CONTENT
    assert settle(tmp_path, [FILE]) == []


def test_half_a_copy_stays_half(tmp_path: Path) -> None:
    """A part that is not whole stays for the copy to be gone on with, and is no file."""
    part = place(tmp_path, "model.onnx.part", CONTENT[:100])
    assert settle(tmp_path, [FILE]) == [SHA]
    assert part.read_bytes() == CONTENT[:100]


@pytest.mark.parametrize(
    "file",
    [
        FileName(sha256="../../etc", name="passwd"),
        FileName(sha256=SHA, name="../model.onnx"),
        FileName(sha256=SHA, name="/etc/passwd"),
        FileName(sha256=SHA, name=".."),
        FileName(sha256=SHA, name=""),
        FileName(sha256=SHA.upper(), name="model.onnx"),
    ],
)
def test_names_lead_nowhere_else(tmp_path: Path, file: FileName) -> None:
    """A hash or a name that could leave the folder is refused."""
    with pytest.raises(WireError):
        settle(tmp_path, [file])


def test_the_hash_is_that_of_the_content(tmp_path: Path) -> None:
    """A file larger than a chunk is hashed whole."""
    path = tmp_path / "large"
    content = bytes(range(256)) * 10_000
    path.write_bytes(content)
    assert sha256(path) == hashlib.sha256(content).hexdigest()
