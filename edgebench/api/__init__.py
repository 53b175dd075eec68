"""What the program can do, as functions: the command line calls these, and so may other programs."""

from edgebench.api.bundles import Packed, pack
from edgebench.api.counting import Counting, count
from edgebench.api.emulating import Emulated, emulate, remove_emulated, stop_emulated
from edgebench.api.executing import Execution, Wanted, compare_executed, executed
from edgebench.api.listing import BackendState, CacheState, Suite, backends, cache_state, clear_cache, sensors, suites
from edgebench.api.planning import Plan, Request
from edgebench.api.powering import power
from edgebench.api.predicting import ForecastRequest, forecast
from edgebench.api.preparing import board, draft, prepare, probe, remove
from edgebench.api.reading import Result, read, recompute
from edgebench.api.running import expectation, plan, resume, run
from edgebench.api.selftesting import Outcome, SelfTest, calibrated, selftest

__all__ = [
    "BackendState",
    "CacheState",
    "Counting",
    "Emulated",
    "Execution",
    "ForecastRequest",
    "Outcome",
    "Packed",
    "Plan",
    "Request",
    "Result",
    "SelfTest",
    "Suite",
    "Wanted",
    "backends",
    "board",
    "cache_state",
    "calibrated",
    "clear_cache",
    "compare_executed",
    "count",
    "draft",
    "emulate",
    "executed",
    "expectation",
    "forecast",
    "pack",
    "plan",
    "power",
    "prepare",
    "probe",
    "read",
    "recompute",
    "remove",
    "remove_emulated",
    "resume",
    "run",
    "selftest",
    "sensors",
    "stop_emulated",
    "suites",
]
