"""What a format is called: by its module, with a number of threads where its files are for one (`aoti@2`)."""

from types import ModuleType

from edgebench import plugins

_AT = "@"


def for_threads(format_name: str, threads: int) -> str:
    """Return what a format is called for so many threads: `aoti@2` where its files are for a number of them."""
    return f"{format_name}{_AT}{threads}" if getattr(module_of(format_name), "FOR_THREADS", False) else format_name


def format_parts(format_name: str) -> tuple[str, int | None]:
    """Return the name of a format's module, and the number of threads its file is for, None where it is for any.

    >>> format_parts("aoti@2"), format_parts("onnx")
    (('aoti', 2), ('onnx', None))
    """
    name, at, threads = format_name.partition(_AT)
    return name, int(threads) if at else None


def module_of(format_name: str) -> ModuleType:
    """Import a format's module."""
    return plugins.load("formats", format_parts(format_name)[0])
