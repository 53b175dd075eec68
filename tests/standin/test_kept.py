"""Folders that are made whole or not at all, and go without a trace."""

from pathlib import Path

import pytest

from edgebench.errors import UsageError
from edgebench.standin import kept


def test_a_folder_appears_when_it_is_whole(tmp_path: Path) -> None:
    """Until all went well the target does not exist, and nothing is left of a draft that did not."""
    target = tmp_path / "cache" / "root"
    with kept.draft(target) as folder:
        (folder / "file").touch()
        assert not target.exists()
    assert (target / "file").exists()
    with pytest.raises(ZeroDivisionError), kept.draft(tmp_path / "cache" / "other") as folder:
        (folder / "file").write_text(str(1 / 0))
    assert [path.name for path in target.parent.iterdir()] == ["root"]


def test_folders_that_are_closed_are_deleted_too(tmp_path: Path) -> None:
    """A folder that its owner may not enter, in another such, goes like any; what a link points to stays."""
    outside = tmp_path / "outside"
    outside.mkdir()
    inner = tmp_path / "made" / "a" / "b"
    inner.mkdir(parents=True)
    (inner / "link").symlink_to(outside)
    inner.chmod(0)
    inner.parent.chmod(0)
    kept.delete(tmp_path / "made")
    assert [path.name for path in tmp_path.iterdir()] == ["outside"]
    kept.delete(tmp_path / "made")


def test_a_cache_that_is_a_file_is_one_sentence(tmp_path: Path) -> None:
    """Where no folder can be made, the sentence names it and the variable that names another."""
    (tmp_path / "file").touch()
    with pytest.raises(UsageError, match=r"cannot be written .*XDG_CACHE_HOME"), kept.draft(tmp_path / "file" / "root"):
        pass
