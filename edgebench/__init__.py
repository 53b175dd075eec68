"""Measure what neural networks cost on edge devices, and judge what papers claim of them.

>>> import edgebench
>>> edgebench.count("mobilenet_v1").cost.mult_adds
568740352
"""

from typing import TYPE_CHECKING, Any

__version__ = "0.1.0.dev0"
__all__ = ["Request", "__version__", "count", "read", "run"]

if TYPE_CHECKING:
    from edgebench.api import Request, count, read, run


def __getattr__(name: str) -> Any:
    """Import the public functions when they are first asked for: a worker on a board has no use for them."""
    if name in __all__:
        from edgebench import api

        return getattr(api, name)
    raise AttributeError(f"module 'edgebench' has no attribute {name!r}")
