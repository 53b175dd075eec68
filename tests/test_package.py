import json
import os
import re
import subprocess
import sys
import sysconfig
import tarfile
import tomllib
import venv
import zipfile
from pathlib import Path

import pytest

import edgebench

ROOT = Path(__file__).parents[1]
DEVICES = sorted((ROOT / "devices").glob("*.toml"))
PAGE = [path for path in (ROOT / "edgebench" / "report" / "page").iterdir() if path.suffix in {".css", ".html", ".js"}]
REFERENCE = sorted(path for path in (ROOT / "edgebench" / "reference").rglob("*") if path.suffix in {".csv", ".toml"})


@pytest.fixture(scope="session")
def distributions(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build wheel and sdist of the clone, with what is installed, and return their folder."""
    folder = tmp_path_factory.mktemp("dist")
    build = [sys.executable, "-m", "build", "--no-isolation", "--wheel", "--sdist"]
    built = subprocess.run([*build, "--outdir", str(folder), str(ROOT)], capture_output=True, text=True, check=False)
    assert built.returncode == 0, built.stdout + built.stderr
    return folder


@pytest.fixture(scope="session")
def wheel(distributions: Path) -> Path:
    """Return the path of the wheel."""
    (path,) = distributions.glob("*.whl")
    return path


@pytest.fixture(scope="session")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Install the wheel, and it alone, into an environment that borrows this one's packages; return its Python."""
    folder = tmp_path_factory.mktemp("installed")
    venv.create(folder, with_pip=False, symlinks=True)
    python = folder / "bin" / "python"
    purelib = Path(sysconfig.get_path("purelib", scheme="venv", vars={"base": str(folder)}))
    # A path in a .pth file joins sys.path behind the new site-packages; .pth files there (the clone's) are not read.
    (purelib / "borrowed.pth").write_text(f"{sysconfig.get_path('purelib')}\n{sysconfig.get_path('platlib')}\n")
    pip = [sys.executable, "-m", "pip", "--python", str(python), "install", "--quiet", "--no-deps", "--no-index"]
    subprocess.run([*pip, "--force-reinstall", "--prefix", str(folder), str(wheel)], check=True)
    return python


def run(python: Path, *arguments: str) -> str:
    """Return what Python prints when it is started outside the clone, with no help from the environment."""
    surroundings = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    command = [str(python), *arguments]
    outside = python.parents[1]
    done = subprocess.run(command, cwd=outside, env=surroundings, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_citation_names_the_version_of_the_package() -> None:
    """The version stands in edgebench/__init__.py, and CITATION.cff repeats it."""
    cited = re.search(r"^version: (.+)$", (ROOT / "CITATION.cff").read_text(encoding="utf-8"), re.MULTILINE)
    assert cited is not None
    assert cited[1] == edgebench.__version__


def test_every_runtime_is_pinned() -> None:
    """What pyproject.toml allows as a range, constraints.txt pins, without a local version that only one index has."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = [requirement for extra in project["optional-dependencies"].values() for requirement in extra]
    asked = {re.split(r"[^\w-]", requirement)[0] for requirement in [*project["dependencies"], *extras]} - {"edgebench"}
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    pins = dict(line.split("==") for line in lines if not line.startswith("#"))
    assert asked <= {name.replace("_", "-") for name in pins}
    assert not [name for name, version in pins.items() if "+" in version]


@pytest.mark.slow
def test_the_wheel_brings_devices_reference_and_license(wheel: Path) -> None:
    """The wheel holds devices, reference data, the parts of pages and the license; no tests, scripts or results."""
    names = zipfile.ZipFile(wheel).namelist()
    assert DEVICES
    assert REFERENCE
    assert {f"edgebench/data/devices/{path.name}" for path in DEVICES} <= set(names)
    assert len(PAGE) == 3
    assert {str(path.relative_to(ROOT)) for path in (*REFERENCE, *PAGE)} <= set(names)
    assert [name for name in names if name.endswith("/licenses/LICENSE")]
    assert {name.split("/")[0] for name in names} == {"edgebench", f"edgebench-{edgebench.__version__}.dist-info"}


@pytest.mark.slow
def test_the_source_distribution_can_be_tested(distributions: Path) -> None:
    """The sdist holds what is needed to build, read and test it, and no results."""
    (path,) = distributions.glob("*.tar.gz")
    with tarfile.open(path) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    assert {"LICENSE", "README.md", "constraints.txt", "scripts/test", "tests/test_package.py"} <= names
    assert {str(path.relative_to(ROOT)) for path in DEVICES} <= names
    assert not [name for name in names if name.startswith("results")]


@pytest.mark.slow
def test_the_wheel_runs_outside_the_clone(installed: Path) -> None:
    """An installed edgebench knows its version and its devices where there is no clone."""
    location = Path(run(installed, "-c", "import edgebench; print(edgebench.__file__)").strip())
    assert location.is_relative_to(installed.parents[1])
    assert run(installed, "-c", "import edgebench; print(edgebench.__version__)").strip() == edgebench.__version__
    found = json.loads(run(installed, "-c", "import json, edgebench.devices as d; print(json.dumps(list(d.known())))"))
    assert sorted(found) == [path.stem for path in DEVICES]
