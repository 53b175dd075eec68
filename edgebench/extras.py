"""Say how an extra is installed: edgebench is in no package index, but in a clone or in a wheel made from one."""

from pathlib import Path

_ROOT = Path(__file__).parents[1]


def way(extra: str, root: Path = _ROOT) -> str:
    """Return the command that installs an extra for the edgebench in a folder: a clone, or where a wheel was unpacked.

    >>> way("litert", Path("nowhere"))
    "`pip install 'WHEEL[litert]'`, WHEEL being the path of edgebench's wheel"
    """
    if (root / "pyproject.toml").is_file():
        return f"`.venv/bin/pip install -c constraints.txt -e '.[{extra}]'` in the clone"
    return f"`pip install 'WHEEL[{extra}]'`, WHEEL being the path of edgebench's wheel"
