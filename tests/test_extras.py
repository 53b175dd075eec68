import re
import tomllib
from pathlib import Path

from edgebench import extras

ROOT = Path(__file__).parents[1]


def test_a_clone_is_installed_into_its_own_environment() -> None:
    """In a clone the command takes the clone and its constraints: no package index has edgebench."""
    assert extras.way("report", ROOT) == "`.venv/bin/pip install -c constraints.txt -e '.[report]'` in the clone"


def test_every_extra_that_is_advised_exists() -> None:
    """Each extra that code or documentation tells how to get stands in pyproject.toml."""
    known = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    code = "".join(path.read_text() for path in (ROOT / "edgebench").rglob("*.py"))
    pages = "".join(path.read_text() for path in (ROOT / "README.md", *(ROOT / "docs").glob("*.md")))
    advised = {*re.findall(r"""extras\.way\(["']([a-z]+)["']\)""", code), *re.findall(r"-e '\.\[([a-z]+)\]'", pages)}
    assert {"host", "edge"} <= advised
    assert advised <= known.keys()


def test_no_page_takes_edgebench_from_an_index() -> None:
    """What pip is told to install is a clone or a wheel."""
    pages = "".join(path.read_text() for path in (ROOT / "README.md", *(ROOT / "docs").glob("*.md")))
    assert not re.findall(r"pip install '?edgebench\[", pages)
