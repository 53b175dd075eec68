from collections import Counter as Multiset
from collections.abc import Callable
from pathlib import Path

import pytest

from edgebench.errors import LostTrialError, UsageError
from edgebench.formats import cache_folder
from edgebench.standin import emulator
from edgebench.standin.counter import plugin, running
from edgebench.standin.counter.running import Counted, Counter, Guest
from tests.standin.counter import programs

OPEN, CLOSE, SPLIT = 1, 2, 3

Run = Callable[..., Counted]


def guest(root: Path) -> Guest:
    """Return a program that a fake emulator is given."""
    return Guest(root=root, words=("/usr/bin/program",), variables={})


def fake(path: Path, script: str) -> Counter:
    """Return a counter whose emulator is a shell script."""
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return Counter(emulator=(str(path),), cpu="cortex-a72", plugin=path)


@pytest.mark.parametrize(
    ("script", "error", "words"),
    [
        ("echo \"qemu-aarch64: unknown option 'plugin'\" >&2; exit 1", UsageError, "built without plugins"),
        (
            "echo 'Could not load plugin: plugin requires API version 1, but this QEMU supports only a minimum version"
            " of 2' >&2; exit 1",
            UsageError,
            "another interface",
        ),
        ("kill -SEGV $$", LostTrialError, "ended by SIGSEGV"),
        ("echo 'no such file' >&2; exit 7", LostTrialError, "status 7: no such file"),
        ("exit 0", LostTrialError, "not counted"),
    ],
)
def test_what_went_wrong_is_one_sentence(script: str, error: type[Exception], words: str, tmp_path: Path) -> None:
    """An emulator that cannot count, and a program that fails, are told apart and say what helps."""
    with pytest.raises(error, match=words):
        running.count(fake(tmp_path / "qemu", script), guest(tmp_path), limit_s=10)


def test_a_program_that_hangs_is_ended(tmp_path: Path) -> None:
    """What does not end within its limit is lost."""
    with pytest.raises(LostTrialError, match=r"did not end within 0\.2 s"):
        running.count(fake(tmp_path / "qemu", "exec sleep 60"), guest(tmp_path), limit_s=0.2)


def test_paths_with_commas_reach_the_plugin(tmp_path: Path) -> None:
    """QEMU breaks a list of options at commas, so those of a path are doubled."""
    counter = Counter(emulator=("qemu",), cpu="cortex-a72", plugin=Path("/a,b/edgecount.so"))
    command = running._command(counter, guest(tmp_path), tmp_path, Path("/c,d"), clocked=True)
    assert command[command.index("-plugin") + 1] == "/a,,b/edgecount.so,out=/c,,d,clock=on"


@pytest.fixture(scope="module")
def real() -> Counter:
    """Return QEMU with the plugin, for a core with dot products."""
    folder = cache_folder() / "standins"
    command = emulator.command(emulator.PLUGINS, folder, print)
    return Counter(emulator=tuple(command), cpu="cortex-a76", plugin=plugin.compiled(folder))


def run(real: Counter, folder: Path, words: list[int], *, clocked: bool = False) -> list[list[Multiset[int]]]:
    """Run a program of these words and return how often each ran, by part and region."""
    programs.write(folder / "program", words)
    program = Guest(root=folder, words=("/program",), variables={})
    found = running.count(real, program, clocked=clocked, limit_s=60)
    return [[Multiset(part.words) for part in region] for region in found.regions]


@pytest.mark.slow
def test_a_loop_is_counted_to_the_instruction(real: Counter, tmp_path: Path) -> None:
    """What runs between two marks counts, the second mark's own instructions included, and nothing else does."""
    inside = programs.loop(1000, programs.FMLA, programs.SDOT)
    before, after = programs.loop(77, programs.FMLA), programs.loop(5, programs.FMLA)
    words = [*before, *programs.mark(OPEN), *inside, *programs.mark(CLOSE), *after, *programs.leave()]
    ((part,),) = run(real, tmp_path, words)
    _, fmla, sdot, subs, branch = inside
    expected = Multiset({fmla: 1000, sdot: 1000, subs: 1000, branch: 1000, inside[0]: 1})
    expected.update(programs.mark(CLOSE))
    assert part == expected


@pytest.mark.slow
def test_regions_follow_each_other_and_split(real: Counter, tmp_path: Path) -> None:
    """Every region starts from nothing, and a mark inside begins another part."""
    parts = [programs.loop(times, programs.FMLA) for times in (10, 20, 30)]
    words = [*programs.mark(OPEN), *parts[0], *programs.mark(SPLIT), *parts[1], *programs.mark(CLOSE)]
    words += [*programs.mark(OPEN), *parts[2], *programs.mark(CLOSE), *programs.leave()]
    found = run(real, tmp_path, words)
    assert [[part[programs.FMLA] for part in region] for region in found] == [[10, 20], [30]]


@pytest.mark.slow
@pytest.mark.parametrize(("clocked", "parts"), [(False, [30]), (True, [10, 20])])
def test_a_clock_splits_where_it_is_asked_to(clocked: bool, parts: list[int], real: Counter, tmp_path: Path) -> None:
    """Readings of the clock end parts only for runtimes that read it around their layers."""
    first, second = programs.loop(10, programs.FMLA), programs.loop(20, programs.FMLA)
    words = [*programs.mark(OPEN), *first, *programs.clock(), *second, *programs.mark(CLOSE), *programs.leave()]
    (region,) = run(real, tmp_path, words, clocked=clocked)
    assert [part[programs.FMLA] for part in region] == parts


@pytest.mark.slow
def test_a_core_without_dot_products_has_none(real: Counter, tmp_path: Path) -> None:
    """The emulated core is the board's: a Cortex-A72 ends a program that uses dot products."""
    older = Counter(emulator=real.emulator, cpu="cortex-a72", plugin=real.plugin)
    words = [*programs.mark(OPEN), programs.SDOT, *programs.mark(CLOSE), *programs.leave()]
    with pytest.raises(LostTrialError, match="SIGILL"):
        run(older, tmp_path, words)
