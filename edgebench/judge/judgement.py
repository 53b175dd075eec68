"""What became of claims: records of what was counted, measured and published of each, and the verdict."""

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from edgebench.judge.claims import Claim, LeftOut, Paper
from edgebench.judge.consequences import Kind as Inference
from edgebench.judge.expectations import Expected
from edgebench.judge.published import Answer
from edgebench.judge.verdict import Decision


@dataclass(frozen=True, slots=True, kw_only=True)
class Recounted:
    """The quantity of a claim as counting gives it, and how in a line. Of other printed figures: their difference."""

    value: Fraction
    arithmetic: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What one setting of a run measured of a claim or consequence: a ratio, a share or an exponent.

    `bound` is the ratio of two models' bounds on that unit, where its peak is known. `elsewhere`: not of the class of
    devices that the claim names, and so not a verdict on it. The interval is for itself; that of the decision has the
    level that all claims together need.
    """

    run: Path
    unit: str
    device: str
    session: str
    backend: str
    precision: str
    threads: int
    batch: int
    value: float
    low: float | None
    high: float | None
    bound: float | None = None
    elsewhere: bool
    flags: tuple[str, ...]
    decision: Decision

    @property
    def setting(self) -> str:
        """Where it was measured, in words."""
        threads = f" x{self.threads}" if self.threads > 1 else ""
        batch = f" batch {self.batch}" if self.batch > 1 else ""
        return f"{self.backend}{threads}{batch} {self.precision} on {self.unit}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """A claim with all that is known of it. `counterpart` is the same quantity in mult-adds, of a claim on latency.

    `otherwise` is what would make a printed figure come out that does not. `boards` are answers of published
    measurements of the class of devices that it names, `boards_elsewhere` of others. `expected` is what the bound makes
    of a ratio of latencies on published boards of a known peak.
    """

    paper: str
    claim: Claim
    recounted: Recounted | None
    counterpart: Recounted | None
    otherwise: tuple[str, ...]
    findings: tuple[Finding, ...]
    boards: tuple[Answer, ...]
    boards_elsewhere: tuple[Answer, ...]
    expected: Expected | None = None
    decision: Decision


@dataclass(frozen=True, slots=True, kw_only=True)
class Inferred:
    """A consequence of fewer mult-adds, which is ours and no paper's: the baseline is faster, or as much faster.

    `claims` are those that compare the two. The transfer of a ratio is that ratio / `mult_adds_ratio`; `expected` as of
    a claim.
    """

    consequence: Inference
    subject: str
    baseline: str
    mult_adds_ratio: float
    claims: tuple[str, ...]
    findings: tuple[Finding, ...]
    boards: tuple[Answer, ...]
    expected: Expected | None = None
    decision: Decision


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """A unit that runs of the evidence measured on: what it says of itself, when it was measured, by which versions."""

    unit: str
    description: str
    runs: int
    days: tuple[str, ...]
    versions: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgements:
    """The claims that were asked for, judged together, and what a reader infers from them."""

    papers: dict[str, Paper]
    judged: tuple[Judged, ...]
    inferred: tuple[Inferred, ...]
    evidence: tuple[str, ...]
    machines: tuple[Machine, ...] = ()

    def left_out(self) -> Iterator[tuple[str, LeftOut]]:
        """Yield what the papers claim that is not judged, by paper."""
        for name, paper in self.papers.items():
            for one in paper.left_out:
                yield name, one
