"""A worker as its agent sees it: started, asked, stopped between its blocks, and told how it ended."""

import contextlib
import json
import os
import random
import select
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO, Any

from edgebench.board.limits import MemoryGroup, kills_of_board
from edgebench.board.wire import MAX_LINE_BYTES, Lost, TrialPlan, encode

_TAIL_BYTES = 4000
_PADDING = 4096
_THREAD_VARIABLES = ("OMP_NUM_THREADS", "MKL_NUM_THREADS")
_CLEARED = ("OMP_", "GOMP_", "KMP_", "MKL_", "ORT_", "OV_", "ONEDNN_", "DNNL_", "MALLOC_", "TORCH_", "LD_PRELOAD")
_ONE_ARENA = {"MALLOC_ARENA_MAX": "1"}  # glibc's
SAFE_PATH = {"PYTHONSAFEPATH": "1"}
"""Python's -P as a variable: nothing is imported from the current folder. 3.10, which has neither, takes no notice."""

_KIB = 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class _End:
    """How a process ended, as its parent can tell: exit status or minus its signal, and its peak of resident memory."""

    status: int
    peak_bytes: int


class WorkerLost(Exception):  # noqa: N818 - an event, not a mistake
    """A worker did not answer as it should; carries all that is known of its end."""

    def __init__(self, reason: str, known: dict[str, Any]) -> None:
        super().__init__(reason)
        self._known = known

    def record(self, session: str, invocation: int, trial: str) -> Lost:
        """Return the end as the record of a lost trial."""
        return Lost(session=session, invocation=invocation, trial=trial, reason=str(self), **self._known)


class Child:
    """A worker process; it runs only while it is asked something and is stopped (SIGSTOP) otherwise."""

    def __init__(
        self,
        trial: TrialPlan,
        cpus: list[int],
        process: "subprocess.Popen[bytes]",
        stderr: IO[bytes],
        group: MemoryGroup,
        started_ns: int,
    ) -> None:
        self.trial = trial
        self._cpus = cpus
        self._process = process
        self._stderr = stderr
        self._group = group
        self._kills_before = kills_of_board()
        self.started_ns = started_ns
        self._stage = "start"
        self._buffer = b""

    @classmethod
    @contextlib.contextmanager
    def started(
        cls, trial: TrialPlan, cpus: list[int], memory_limit_bytes: int | None = None, *, weighed: bool = False
    ) -> "Iterator[Child]":
        """Start a worker in a fresh process, held to a size of memory if asked; kill what is left of it in the end.

        A worker that is `weighed` has a control group even without a limit, where one can be made, and an allocator
        that keeps to one arena: with one a thread, memory would depend on which thread asked for it.
        """
        with (
            contextlib.closing(MemoryGroup(memory_limit_bytes, counted=weighed)) as group,
            tempfile.TemporaryFile() as stderr,
        ):
            began = time.perf_counter_ns()
            process = subprocess.Popen(
                [*group.entry, sys.executable, "-m", "edgebench.board.worker"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=stderr,
                env=_environment(trial.threads) | (_ONE_ARENA if weighed else {}),
                bufsize=0,
            )
            try:
                yield cls(trial, cpus, process, stderr, group, began)
            finally:
                process.kill()
                process.wait()
                for pipe in (process.stdin, process.stdout):
                    if pipe is not None:
                        pipe.close()

    @property
    def memory_limited(self) -> bool | None:
        """Tell whether the worker, which lives, is held to the memory that was asked for, None if none was."""
        return self._group.holds(self._process.pid)

    @property
    def group_peak_bytes(self) -> int | None:
        """Return the most memory that the control group of a worker that lives ever held, None without one."""
        return self._group.peak_bytes() if self._group.has(self._process.pid) else None

    def description(self) -> dict[str, Any]:
        """Return what the worker has to know of its trial."""
        trial = self.trial
        return {
            "backend": trial.backend,
            "options": trial.options,
            "precision": trial.precision,
            "threads": trial.threads,
            "batch": trial.batch,
            "artefact": trial.artefact,
            "inputs": trial.inputs,
            "reference": trial.reference,
            "floor": trial.floor,
            "floor_inputs": trial.floor_inputs,
            "cpus": self._cpus,
        }

    def ask(self, command: dict[str, Any], limit_s: float) -> dict[str, Any]:
        """Wake the worker, send it a command, return its answer, and stop it again.

        Raise WorkerLost when it ends, says that it failed, or spends more than `limit_s` seconds in one stage.
        """
        self._signal(signal.SIGCONT)
        if command["do"] in ("run", "pace", "load"):
            self._stage = "block"
        self._write(encode(command))
        answer = self._answer(limit_s)
        if command["do"] != "close":
            self._signal(signal.SIGSTOP)
        return answer

    def _write(self, line: bytes) -> None:
        assert self._process.stdin is not None
        with contextlib.suppress(BrokenPipeError):  # it is dead: reading tells how it ended
            self._process.stdin.write(line)

    def _answer(self, limit_s: float) -> dict[str, Any]:
        while True:
            line = self._line(limit_s)
            try:
                answer = json.loads(line)
            except ValueError:
                raise self._lost(f"the worker wrote no JSON: {line[:80]!r}") from None
            if "failed" in answer:
                raise self._lost(answer["failed"])
            if "stage" not in answer:
                return dict(answer)
            self._stage = answer["stage"]

    def _line(self, limit_s: float) -> bytes:
        """Return the next line; sleeps in poll(2), so that the agent uses no processor while a block runs."""
        assert self._process.stdout is not None
        descriptor = self._process.stdout.fileno()
        poll = select.poll()
        poll.register(descriptor, select.POLLIN)
        deadline = time.perf_counter() + limit_s
        while b"\n" not in self._buffer:
            rest_s = deadline - time.perf_counter()
            if rest_s <= 0 or not poll.poll(rest_s * 1000):
                raise self._lost(f"no answer within {limit_s:g} s")
            chunk = os.read(descriptor, 2**20)
            if not chunk:
                raise self._lost(None)
            self._buffer += chunk
            if len(self._buffer) > MAX_LINE_BYTES:
                raise self._lost(f"the worker wrote a line of more than {MAX_LINE_BYTES} bytes")
        line, _, self._buffer = self._buffer.partition(b"\n")
        return line

    def _lost(self, reason: str | None) -> WorkerLost:
        """Return why the worker is lost; with a reason of our own it is killed, else it ended by itself."""
        by_itself = reason is None
        if not by_itself:
            self._signal(signal.SIGKILL)
        end = self._reap()
        out_of_memory = self._out_of_memory() if by_itself and end.status == -signal.SIGKILL else False
        if reason is None:
            reason = _ending(end.status, out_of_memory)
        known = {
            "stage": self._stage,
            "exit_status": end.status if by_itself and end.status >= 0 else None,
            "signal": signal_name(-end.status) if by_itself and end.status < 0 else None,
            "out_of_memory": out_of_memory,
            "peak_bytes": end.peak_bytes,
            "stderr_tail": self._stderr_tail(),
        }
        return WorkerLost(reason, known)

    def _signal(self, number: signal.Signals) -> None:
        """Send a signal, past Popen: that would reap a worker that has just died, and throw away what wait4 tells."""
        os.kill(self._process.pid, number)  # until `_reap` the number is ours: a dead worker stays a zombie

    def _reap(self) -> _End:
        """Wait for the process and return how it ended; wait4(2) tells its memory, which Popen throws away."""
        _, status, usage = os.wait4(self._process.pid, 0)
        self._process.returncode = os.waitstatus_to_exitcode(status)
        return _End(status=self._process.returncode, peak_bytes=usage.ru_maxrss * _KIB)

    def _out_of_memory(self) -> bool | None:
        """Tell whether the kernel counts a kill for want of memory: only that tells it from any other SIGKILL."""
        own = self._group.kills()
        if own is not None:
            return own > 0
        after = kills_of_board()
        return None if after is None or self._kills_before is None else after > self._kills_before

    def _stderr_tail(self) -> str:
        length = self._stderr.seek(0, os.SEEK_END)
        self._stderr.seek(max(0, length - _TAIL_BYTES))
        return self._stderr.read().decode(errors="replace")


def _ending(status: int, out_of_memory: bool | None) -> str:
    if out_of_memory:
        return "killed by the kernel: out of memory"
    if status == -signal.SIGILL:
        return "ended by SIGILL: its runtime was built for another processor"
    return f"ended by {signal_name(-status)}" if status < 0 else f"ended with exit status {status}"


def signal_name(number: int) -> str:
    """Return what a signal is called; real-time signals have a number only.

    >>> signal_name(9), signal_name(40)
    ('SIGKILL', 'signal 40')
    """
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def _environment(threads: int) -> dict[str, str]:
    """Return a worker's environment: no settings of other people's threads or allocators, ours instead.

    Its size varies from process to process, since it shifts the stack and with it latencies (Mytkowicz et al. 2009).
    """
    kept = {name: value for name, value in os.environ.items() if not name.startswith(_CLEARED)}
    padding = "x" * random.SystemRandom().randrange(_PADDING)
    return {
        **kept,
        **SAFE_PATH,
        **dict.fromkeys(_THREAD_VARIABLES, str(threads)),
        "OPENBLAS_NUM_THREADS": "1",  # numpy's own: its pool spins for 30 ms, into the warm-up; the worker raises it
        "PYTHONHASHSEED": "random",
        "EDGEBENCH_PADDING": padding,
    }
