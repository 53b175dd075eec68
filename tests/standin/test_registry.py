"""Entering a stand-in into boards.toml, and taking it out again without a trace."""

from pathlib import Path

import pytest

from edgebench import devices
from edgebench.standin import registry

OTHERS = '# Mine\n[rpi4-a]\ndevice = "rpi4"\nhost = "pi@10.0.0.4"\n'


@pytest.mark.parametrize("text", [OTHERS, OTHERS.rstrip("\n"), "", "# only a comment"])
def test_an_entry_leaves_no_trace(text: str, tmp_path: Path) -> None:
    """What stood in the file before stands there afterwards, to the byte."""
    path = tmp_path / "boards.toml"
    path.write_text(text)
    for name in ("rpi4-emulated", "rpi5-emulated", "rpi4-emulated"):
        registry.register(path, name, name.removesuffix("-emulated"), Path("/c/ssh_config"))
    assert registry.unregister(path, "rpi4-emulated")
    assert registry.unregister(path, "rpi5-emulated")
    assert (path.read_text() if path.exists() else "") == text


def test_a_file_that_was_made_for_it_goes_with_it(tmp_path: Path) -> None:
    """The user's folder of settings is not left behind empty; the one above is, if anything else is in it."""
    (tmp_path / "other").mkdir()
    path = tmp_path / "edgebench" / "boards.toml"
    registry.register(path, "rpi4-emulated", "rpi4", Path("/c"))
    assert registry.unregister(path, "rpi4-emulated")
    assert [one.name for one in tmp_path.iterdir()] == ["other"]
    assert not registry.unregister(path, "rpi4-emulated")


def test_an_entry_is_a_unit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A stand-in is found by its name like any board: with its own ssh configuration, and marked as emulated."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    registry.register(devices.boards_file(), "rpi4-emulated", "rpi4", Path('/a "b"/ssh_config'))
    unit = devices.resolve("rpi4-emulated")[1]
    assert (unit.host, unit.ssh_config, unit.emulated) == ("rpi4-emulated", '/a "b"/ssh_config', True)
