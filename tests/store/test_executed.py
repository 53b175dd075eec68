import json
from pathlib import Path

import pytest

from edgebench.board.wire import encode
from edgebench.errors import UsageError
from edgebench.store.executed import read
from tests.judge.test_executed import OLD, counted


@pytest.fixture
def written(tmp_path: Path) -> Path:
    """Return a file of one count."""
    path = tmp_path / "a.json"
    path.write_bytes(encode([counted(OLD)]))
    return path


def test_a_count_is_read_as_it_was_written(written: Path) -> None:
    """What was printed for machines is the same record again."""
    assert read(written) == (counted(OLD),)


@pytest.mark.parametrize(
    ("key", "value", "words"),
    [
        ("schema", 2, "0.schema"),
        ("mult_adds", "1000", "0.mult_adds"),
        ("colour", "red", "0.colour"),
        ("tally", {"instructions": {"branch": 1.5}}, "0.tally"),
    ],
)
def test_other_content_is_refused(key: str, value: object, words: str, written: Path) -> None:
    """A wrong key, type or version is named, not guessed at."""
    (fields,) = json.loads(written.read_text())
    written.write_text(json.dumps([{**fields, key: value}]))
    with pytest.raises(UsageError, match=words):
        read(written)


def test_files_that_are_none_are_refused(tmp_path: Path) -> None:
    """A file that is not there, or holds no JSON, is one sentence."""
    with pytest.raises(UsageError, match="cannot be read"):
        read(tmp_path / "missing.json")
    (tmp_path / "b.json").write_text("once upon a time")
    with pytest.raises(UsageError, match="expected what `count --executed --json`"):
        read(tmp_path / "b.json")
