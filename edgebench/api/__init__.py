"""What the program can do, as functions: the command line calls these, and so may other programs."""

from edgebench.api.bundles import Packed, pack
from edgebench.api.counting import Counting, count
from edgebench.api.listing import BackendState, CacheState, Suite, backends, cache_state, clear_cache, suites
from edgebench.api.planning import Plan, Request
from edgebench.api.preparing import board, draft, prepare, probe, remove
from edgebench.api.reading import Result, read, recompute
from edgebench.api.running import expectation, plan, resume, run
from edgebench.api.selftesting import Outcome, SelfTest, calibrated, selftest

__all__ = [
    "BackendState",
    "CacheState",
    "Counting",
    "Outcome",
    "Packed",
    "Plan",
    "Request",
    "Result",
    "SelfTest",
    "Suite",
    "backends",
    "board",
    "cache_state",
    "calibrated",
    "clear_cache",
    "count",
    "draft",
    "expectation",
    "pack",
    "plan",
    "prepare",
    "probe",
    "read",
    "recompute",
    "remove",
    "resume",
    "run",
    "selftest",
    "suites",
]
