from pathlib import Path

import pytest

from edgebench.errors import UsageError
from edgebench.standin.counter import plugin


def test_without_a_compiler_the_package_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A machine that compiles nothing is told what to install, and nothing is left in the cache."""
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("CC", raising=False)
    with pytest.raises(UsageError, match="apt-get install gcc"):
        plugin.compiled(tmp_path / "cache")
    assert not (tmp_path / "cache").exists()


@pytest.mark.parametrize(
    ("script", "words"),
    [("echo 'x.c:1: fatal error: stdio.h: No such file' >&2; exit 1", "stdio.h"), ("exit 3", "status 3")],
)
def test_a_compiler_that_fails_says_why(
    script: str, words: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The compiler's first error stands in the sentence, and no half-made plugin is kept."""
    compiler = tmp_path / "compiler"
    compiler.write_text(f"#!/bin/sh\n{script}\n")
    compiler.chmod(0o755)
    monkeypatch.setenv("CC", str(compiler))
    with pytest.raises(UsageError, match=words):
        plugin.compiled(tmp_path / "cache")
    assert list((tmp_path / "cache").iterdir()) == []


def test_the_plugin_names_its_licence() -> None:
    """What is loaded into QEMU is under QEMU's licence, and says so in its first line."""
    source = Path(plugin.__file__).with_name("edgecount.c").read_text(encoding="ascii")
    assert source.splitlines()[0] == "// SPDX-License-Identifier: GPL-2.0-or-later"
