"""Which wheels are asked for, and that this machine's pip finds those of a board; from a folder, not a network."""

import zipfile
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

import pytest

from edgebench.errors import DeviceUnreachableError, UsageError
from edgebench.measure import wheels

House = Callable[..., None]


@pytest.fixture
def house(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> House:
    """A function that adds an empty wheel to the only place where pip looks."""
    folder = tmp_path / "house"
    folder.mkdir()
    for name in ("PIP_EXTRA_INDEX_URL", "PIP_INDEX_URL", "PIP_CONSTRAINT"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")

    def add(name: str, number: str, tag: str, needs: str = "") -> None:
        info = f"{name}-{number}.dist-info"
        with zipfile.ZipFile(folder / f"{name}-{number}-{tag}.whl", "w") as wheel:
            requires = f"Requires-Dist: {needs}\n" if needs else ""
            wheel.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: {number}\n{requires}")
            wheel.writestr(f"{info}/WHEEL", f"Wheel-Version: 1.0\nRoot-Is-Purelib: false\nTag: {tag}\n")
            wheel.writestr(f"{info}/RECORD", "")

    return add


def fetched(tmp_path: Path, wanted: list[str], python: tuple[int, int], glibc: tuple[int, int]) -> list[str]:
    """Fetch for an aarch64 board, and return the names of what came."""
    folder = tmp_path / "fetched"
    folder.mkdir()
    return [path.name for path in wheels.fetch(wanted, python, wheels.platforms("aarch64", glibc), folder)]


def test_requirements_are_this_machines_versions() -> None:
    """A board gets numpy, psutil and the runtimes in the versions that are installed here."""
    assert wheels.requirements(["null"]) == (f"numpy=={version('numpy')}", f"psutil=={version('psutil')}")
    assert f"onnxruntime=={version('onnxruntime')}" in wheels.requirements(["onnxruntime", "null"])


def test_torch_comes_without_cuda() -> None:
    """torch is asked for as its build for CPUs, whatever build this machine has, from the index that has it."""
    (torch,) = (one for one in wheels.requirements(["torch"]) if one.startswith("torch"))
    assert torch == f"torch=={version('torch').partition('+')[0]}+cpu"
    assert wheels.index_options([torch]) == ["--extra-index-url", "https://download.pytorch.org/whl/cpu"]


def test_an_unknown_backend_is_refused() -> None:
    """A backend that nobody knows is the user's mistake."""
    with pytest.raises(UsageError, match="Unknown backend 'nope'"):
        wheels.requirements(["nope"])


def test_a_package_that_is_not_here_is_asked_for_in_any_version() -> None:
    """Without a version to be equal to, the newest is taken."""
    assert wheels.pinned("no-such-distribution") == "no-such-distribution"


@pytest.mark.parametrize(
    ("machine", "glibc", "first", "last", "count"),
    [
        ("aarch64", (2, 36), "manylinux_2_36_aarch64", "manylinux2014_aarch64", 36 - 17 + 1 + 1),
        ("x86_64", (2, 28), "manylinux_2_28_x86_64", "manylinux1_x86_64", 28 - 5 + 1 + 3),
        ("aarch64", (2, 17), "manylinux_2_17_aarch64", "manylinux2014_aarch64", 2),
    ],
)
def test_platforms_go_down_from_the_boards_glibc(
    machine: str, glibc: tuple[int, int], first: str, last: str, count: int
) -> None:
    """Every glibc that is not newer than the board's will do, the newest first."""
    tags = wheels.platforms(machine, glibc)
    assert (tags[0], tags[-1], len(tags)) == (first, last, count)


@pytest.mark.parametrize(("machine", "glibc"), [("armv7l", (2, 36)), ("riscv64", (2, 36)), ("aarch64", (3, 0))])
def test_no_platforms_where_wheels_are_unknown(machine: str, glibc: tuple[int, int]) -> None:
    """Nothing is guessed for other machines."""
    assert wheels.platforms(machine, glibc) == ()


def test_the_boards_own_wheels_are_taken(tmp_path: Path, house: House) -> None:
    """Machine, Python, ABI and glibc are the board's, not this machine's; what a package needs comes along."""
    for tag in ("cp313-cp313-manylinux_2_28_aarch64", "cp311-cp311-manylinux_2_28_aarch64", "cp313-cp313-win_arm64"):
        house("runtime", "2.0", tag, needs="pure")
    house("runtime", "2.0", "cp313-cp313-manylinux_2_28_x86_64")
    house("pure", "1.0", "py3-none-any")
    house("stable", "1.0", "cp36-abi3-manylinux_2_17_aarch64")
    assert fetched(tmp_path, ["runtime==2.0", "stable"], (3, 13), (2, 36)) == [
        "pure-1.0-py3-none-any.whl",
        "runtime-2.0-cp313-cp313-manylinux_2_28_aarch64.whl",
        "stable-1.0-cp36-abi3-manylinux_2_17_aarch64.whl",
    ]


def test_an_older_python_gets_the_newest_that_exists_for_it(tmp_path: Path, house: House) -> None:
    """JetPack's Python 3.10 has no wheel of this machine's version: the newest that it has is taken."""
    house("runtime", "2.0", "cp313-cp313-manylinux_2_28_aarch64")
    house("runtime", "1.8", "cp310-cp310-manylinux_2_28_aarch64")
    house("runtime", "1.7", "cp310-cp310-manylinux_2_28_aarch64")
    assert fetched(tmp_path, ["runtime==2.0"], (3, 10), (2, 35)) == [
        "runtime-1.8-cp310-cp310-manylinux_2_28_aarch64.whl"
    ]


def test_no_wheel_for_the_board_is_a_sentence(tmp_path: Path, house: House) -> None:
    """A glibc older than every wheel's is said, with pip's reason."""
    house("runtime", "2.0", "cp313-cp313-manylinux_2_35_aarch64")
    with pytest.raises(
        DeviceUnreachableError,
        match=r"no wheels for Python 3\.13 and manylinux_2_31_aarch64 .*: No matching .* runtime\.",
    ):
        fetched(tmp_path, ["runtime==2.0"], (3, 13), (2, 31))


def test_builds_that_come_from_elsewhere_say_where_from() -> None:
    """Whoever cannot reach the one index of torch without CUDA is told that it is the one."""
    error = wheels._no_wheels(
        (3, 13), ["manylinux_2_41_aarch64"], "No matching distribution found for torch==2.13.0+cpu"
    )
    assert str(error).endswith(
        "torch==2.13.0+cpu; torch without CUDA comes from https://download.pytorch.org/whl/cpu alone."
    )


CONFLICT = """\
ERROR: Cannot install runtime==2.0 because these package versions have conflicting dependencies.

The conflict is caused by:
    The user requested runtime==2.0
    other 1.0 depends on runtime<2
    The user requested (constraint) runtime==1.0

To fix this you could try to:
1. loosen the range of package versions you've specified
2. remove package versions to allow pip attempt to solve the dependency conflict

ERROR: ResolutionImpossible: for help visit https://pip.pypa.io/en/latest/topics/dependency-resolution/
"""


def test_a_conflict_is_told_by_its_causes() -> None:
    """pip's last line points to its manual; what does not fit together stands before it."""
    assert wheels.reason_of(CONFLICT) == (
        "no versions fit together (The user requested runtime==2.0; other 1.0 depends on runtime<2; "
        "The user requested (constraint) runtime==1.0)"
    )


@pytest.mark.slow
def test_what_this_machine_is_held_to_does_not_hold_for_a_board(
    tmp_path: Path, house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Constraints on this machine's packages name builds that a board cannot have, and would hide pip's own reason."""
    constraints = tmp_path / "constraints.txt"
    constraints.write_text("runtime==1.0\nabsent==1.0\n")
    monkeypatch.setenv("PIP_CONSTRAINT", str(constraints))
    house("runtime", "2.0", "cp313-cp313-manylinux_2_28_aarch64")
    assert fetched(tmp_path, ["runtime==2.0"], (3, 13), (2, 36)) == [
        "runtime-2.0-cp313-cp313-manylinux_2_28_aarch64.whl"
    ]
    with pytest.raises(DeviceUnreachableError, match="No matching distribution found for absent"):
        wheels.fetch(["absent==1.0"], (3, 13), wheels.platforms("aarch64", (2, 36)), tmp_path / "none")


@pytest.mark.slow
def test_a_real_conflict_names_both_sides(tmp_path: Path, house: House) -> None:
    """What two packages ask of a third, in pip's own words of today."""
    house("third", "1.0", "py3-none-any")
    house("third", "2.0", "py3-none-any")
    house("one", "1.0", "py3-none-any", needs="third==1.0")
    house("two", "1.0", "py3-none-any", needs="third==2.0")
    with pytest.raises(
        DeviceUnreachableError, match=r"no versions fit together \(one 1\.0 depends on third==1\.0; two"
    ):
        fetched(tmp_path, ["one", "two"], (3, 13), (2, 36))


def test_a_source_package_is_never_built(tmp_path: Path, house: House) -> None:
    """Only wheels are taken: a source package would run its own code here, and be built for this machine."""
    (tmp_path / "house" / "runtime-2.0.tar.gz").write_bytes(b"")
    with pytest.raises(DeviceUnreachableError, match="No matching distribution"):
        fetched(tmp_path, ["runtime==2.0"], (3, 13), (2, 36))


def test_pip_itself_is_fetched(tmp_path: Path, house: House) -> None:
    """A Python without ensurepip gets pip's own wheel."""
    house("pip", "26.3", "py3-none-any")
    assert wheels.pip_wheel(tmp_path).name == "pip-26.3-py3-none-any.whl"
    (tmp_path / "house" / "pip-26.3-py3-none-any.whl").unlink()
    (tmp_path / "pip-26.3-py3-none-any.whl").unlink()
    with pytest.raises(DeviceUnreachableError, match="no wheel of pip"):
        wheels.pip_wheel(tmp_path)
