"""Hold this process to a size of memory, and widen it when more is needed for a known reason."""

import contextlib
import resource

OWN_BYTES = 512 * 2**20
"""Addresses that Python takes with numpy and onnx are 158 MB (Python 3.11, onnx 1.23, Linux x86_64)."""

COPIES = 6
"""A file's bytes as read, parsed, written again, and as onnx's shape inference and checker copy them."""


def hold(limit_bytes: int) -> None:
    """Let this process have so many bytes of addresses, and no picture of it be written when it crashes."""
    _set(resource.RLIMIT_AS, limit_bytes)
    _set(resource.RLIMIT_CORE, 0)


def hold_data(limit_bytes: int) -> None:
    """Let this process, and each that it starts, have so many bytes of memory of its own; libraries' maps are free.

    Since Linux 4.7 RLIMIT_DATA counts private memory that can be written, however a process asked the kernel for it.
    """
    _set(resource.RLIMIT_DATA, limit_bytes)
    _set(resource.RLIMIT_CORE, 0)


def allow(more_bytes: int) -> None:
    """Let this process have more addresses than it was held to."""
    soft, _ = resource.getrlimit(resource.RLIMIT_AS)
    if soft != resource.RLIM_INFINITY:
        _set(resource.RLIMIT_AS, soft + more_bytes)


def _set(which: int, value: int) -> None:
    _, hard = resource.getrlimit(which)
    with contextlib.suppress(ValueError, OSError):  # a system without the limit, or held lower already
        resource.setrlimit(which, (value if hard == resource.RLIM_INFINITY else min(value, hard), hard))
