"""A stand-in's entry in the user's boards.toml: a table between two lines of comment, written and taken out as text.

Whatever else stands in the file stays as it is, to the byte.
"""

import json
from pathlib import Path

from edgebench.errors import UsageError
from edgebench.standin import kept

_BEGIN, _END = "# begin: edgebench devices emulate, {name}", "# end: edgebench devices emulate, {name}"


def entry(name: str, device: str, ssh_config: Path) -> str:
    r"""Return the lines that register a stand-in as a unit.

    >>> print(entry("a", "rpi4", Path("/c")).splitlines()[2])
    device = "rpi4"
    """
    lines = [
        _BEGIN.format(name=name),
        f"[{name}]",
        f"device = {_quoted(device)}",
        f"host = {_quoted(name)}",
        f"ssh_config = {_quoted(str(ssh_config))}",
        "emulated = true",
        _END.format(name=name),
    ]
    return "\n".join(lines) + "\n"


def with_entry(text: str, name: str, added: str) -> str:
    r"""Return the text of a boards.toml with an entry in it, in place of an earlier one of that name.

    It goes to the end, or before a last line that is open: to close that would leave a trace.

    >>> with_entry("", "a", "A\n"), with_entry("[b]\n", "a", "A\n"), with_entry("[b]", "a", "A\n")
    ('A\n', '[b]\nA\n', 'A\n[b]')
    """
    before = without_entry(text, name)
    return f"{before}{added}" if not before or before.endswith("\n") else f"{added}{before}"


def without_entry(text: str, name: str) -> str:
    """Return the text of a boards.toml without the entry of that name."""
    begin, end = f"{_BEGIN.format(name=name)}\n", f"{_END.format(name=name)}\n"
    first = text.find(begin)
    last = text.find(end, first)
    return text if first < 0 or last < 0 else text[:first] + text[last + len(end) :]


def register(path: Path, name: str, device: str, ssh_config: Path) -> None:
    """Enter a stand-in into a boards.toml; raise UsageError when it cannot be written."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        text = path.read_text(encoding="utf-8") if path.exists() else ""
        path.write_text(with_entry(text, name, entry(name, device, ssh_config)), encoding="utf-8")
    except OSError as error:
        raise UsageError(f"{path} cannot be written ({error.strerror}): expected to enter {name} there.") from error


def unregister(path: Path, name: str) -> bool:
    """Take a stand-in out of a boards.toml, and return whether it was there; nothing empty is left of the file."""
    if not path.exists():
        return False
    text = path.read_text(encoding="utf-8")
    rest = without_entry(text, name)
    if rest == text:
        return False
    if rest:
        path.write_text(rest, encoding="utf-8")
        return True
    path.unlink()
    kept.prune(path.parent)
    return True


def _quoted(text: str) -> str:
    """Return a text as a basic string of TOML, which JSON's are but for pairs of surrogates."""
    return json.dumps(text, ensure_ascii=False)
