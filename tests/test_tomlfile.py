"""What is wrong with a TOML file, in one sentence: file, key, what was found and what was expected."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import pytest

from edgebench import tomlfile
from edgebench.errors import UsageError


@dataclass(frozen=True, slots=True, kw_only=True)
class Wheel:
    """A part with a check of its own."""

    __pydantic_config__ = {"extra": "forbid", "strict": True}  # noqa: RUF012  # pydantic's way, not a field
    spokes: int
    colour: Literal["red", "blue"] = "red"

    def __post_init__(self) -> None:
        """Refuse a wheel that falls apart."""
        if self.spokes < 3:
            raise ValueError(f"has {self.spokes} spokes: expected at least 3")


@dataclass(frozen=True, slots=True, kw_only=True)
class Bicycle:
    """A record with every kind of field that our files have."""

    __pydantic_config__ = {"extra": "forbid", "strict": True}  # noqa: RUF012  # pydantic's way, not a field
    name: str
    weight_kg: float | None = None
    gears: tuple[int, ...] = ()
    wheel: tuple[Wheel, ...] = ()
    bell: Wheel | None = None


def test_file_becomes_a_record(tmp_path: Path) -> None:
    """Tables, lists of tables, and whole numbers where a float is due are read; what is left out has its default."""
    path = tmp_path / "a.toml"
    path.write_text('name = "a"\nweight_kg = 12\ngears = [3, 7]\n[[wheel]]\nspokes = 36\n[[wheel]]\nspokes = 28\n')
    wheels = (Wheel(spokes=36), Wheel(spokes=28))
    assert tomlfile.read(path, Bicycle) == Bicycle(name="a", weight_kg=12.0, gears=(3, 7), wheel=wheels)


def test_file_becomes_a_dict_of_records(tmp_path: Path) -> None:
    """A file whose tables have names of the user's choice is a dict."""
    path = tmp_path / "wheels.toml"
    path.write_text('front = {spokes = 32}\nback = {spokes = 36, colour = "blue"}\n')
    assert tomlfile.read(path, dict[str, Wheel]) == {"front": Wheel(spokes=32), "back": Wheel(spokes=36, colour="blue")}


CASES = [
    ("name = 1", "name is 1 (int): expected str."),
    ("", "name is missing: expected str."),
    ('name = "a"\nweight_kg = "heavy"', "weight_kg is 'heavy' (str): expected float."),
    ('name = "a"\nweight_kg = true', "weight_kg is True (bool): expected float."),
    ('name = "a"\ngears = 3', "gears is 3 (int): expected list of int."),
    ('name = "a"\ngears = [1, 2.5]', "gears[1] is 2.5 (float): expected int."),
    ('name = "a"\ngears = {low = 1}', "gears is a table: expected list of int."),
    ('name = "a"\nwheel = {spokes = 3}', "wheel is a table: expected list of table."),
    ('name = "a"\nbell = [1]', "bell is a list: expected table."),
    ('name = "a"\n[[wheel]]\nspokes = "four"', "wheel[0].spokes is 'four' (str): expected int."),
    ('name = "a"\n[[wheel]]\nspoke = 4', "unknown key wheel[0].spoke: expected one of spokes, colour."),
    ('name = "a"\nnmae = "b"', "unknown key nmae: expected one of name, weight_kg, gears, wheel, bell."),
    ('name = "a"\n[bell]\nspokes = 4\ncolour = "pink"', "bell.colour is 'pink' (str): expected one of 'red', 'blue'."),
    ('name = "a"\n[bell]\nspokes = 2', "bell has 2 spokes: expected at least 3."),
    (f'name = "a"\ngears = ["{"x" * 99}"]', f"gears[0] is '{'x' * 59}... (str): expected int."),
    ('name = "a"\nname = "b"', "is not TOML: Cannot overwrite a value (at end of document)."),
    ("name = 'a'\n\nweight_kg 3", "is not TOML: Expected '=' after a key in a key/value pair (at line 3, column 11)."),
]


@pytest.mark.parametrize(("text", "sentence"), CASES, ids=[sentence for _, sentence in CASES])
def test_mistakes_are_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, sentence: str) -> None:
    """A wrong file is refused with its name, the key, what was found and what was expected."""
    monkeypatch.chdir(tmp_path)
    Path("a.toml").write_text(text)
    with pytest.raises(UsageError) as caught:
        tomlfile.read(Path("a.toml"), Bicycle)
    assert str(caught.value) == f"a.toml: {sentence}"


def test_files_that_cannot_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An absent file, and bytes that are no text, are sentences as well."""
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UsageError) as absent:
        tomlfile.read(Path("a.toml"), Bicycle)
    assert str(absent.value) == "a.toml: cannot be read (No such file or directory): expected a TOML file."
    Path("a.toml").write_bytes(b'name = "\xff"')
    with pytest.raises(UsageError) as binary:
        tomlfile.read(Path("a.toml"), Bicycle)
    assert str(binary.value) == "a.toml: byte 8 is not UTF-8: expected a TOML file."
