"""What papers claim, as records: a paper is a file of `edgebench/reference/papers`, a claim a table in it.

A claim says what is printed, where, of which networks, and by how much a figure may miss it. No verdict stands in one.
"""

from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal

from edgebench.analysis.published import Confidence

Kind = Literal[
    "mult_adds_ratio", "params_ratio", "share", "scaling_exponent", "latency_ratio", "absolute", "accuracy_delta"
]
Quantity = Literal["mult_adds", "params", "layers", "resolution", "time", "latency"]
Relation = Literal["equals", "at_least", "at_most", "between"]

_STRICT: Any = {"extra": "forbid", "strict": True}
_RATIOS = ("mult_adds_ratio", "params_ratio", "latency_ratio")
_QUANTITIES: dict[str, tuple[Quantity, ...]] = {
    "absolute": ("mult_adds", "params", "layers", "resolution"),
    "share": ("mult_adds", "params", "time"),
    "scaling_exponent": ("mult_adds", "params", "latency"),
}
_MEASURED = ("time", "latency")


@dataclass(frozen=True, slots=True, kw_only=True)
class Where:
    """The class of devices that a paper names: its words, and what of ours belongs to it.

    `devices` are kinds of devices/: an empty list says that none belongs to the class, no list that every one does.
    """

    __pydantic_config__: ClassVar[Any] = _STRICT

    named: str
    devices: tuple[str, ...] | None = None
    processor: Literal["cpu", "gpu", "npu"] | None = None
    threads: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """One claim. Ratios are subject / baseline, differences subject - baseline.

    `printed` is what the paper prints; `value` says it as a number where those are words, a formula (with `variables`)
    or another number's inverse. `subject_times` and `baseline_times`: so many runs for one answer, as with ten crops.
    A figure in place of a model is one that is printed elsewhere, `figures_in` where. `part`: kinds or names of layers.
    `models` and `parameter`: what a scaling exponent is fitted over. `inferred`: a reader concludes it, and the paper
    does not say it.
    """

    __pydantic_config__: ClassVar[Any] = _STRICT

    id: str
    statement: str
    place: str
    kind: Kind
    printed: str
    source: str
    confidence: Confidence
    value: str = ""
    variables: dict[str, int] = field(default_factory=dict)
    relation: Relation = "equals"
    tolerance: str = ""
    tolerance_reason: str = ""
    quantity: Quantity | None = None
    subject: str = ""
    baseline: str = ""
    subject_times: int = 1
    baseline_times: int = 1
    subject_figure: str = ""
    baseline_figure: str = ""
    figures_in: str = ""
    convention: tuple[str, ...] = ()
    baseline_convention: tuple[str, ...] | None = None
    part: tuple[str, ...] = ()
    models: tuple[str, ...] = ()
    parameter: str = ""
    where: Where | None = None
    inferred: bool = False
    note: str = ""

    def __post_init__(self) -> None:
        """Refuse what cannot be judged."""
        for name in ("id", "statement", "place", "printed", "source"):
            if not getattr(self, name).strip():
                raise ValueError(f"{name} of {self.id or 'a claim'} is empty: expected text")
        try:
            _check_quantity(self)
            _check_operands(self)
            _check_figures(self)
            _check_tolerance(self)
        except ValueError as error:
            raise ValueError(f"({self.id}) {error}") from None

    @property
    def measured(self) -> bool:
        """Whether only a measurement can decide it."""
        return self.kind == "latency_ratio" or self.quantity in _MEASURED

    @property
    def on_figures(self) -> bool:
        """Whether figures that are printed elsewhere stand in for counts."""
        return bool(self.subject_figure or self.baseline_figure)

    @property
    def counted_models(self) -> tuple[str, ...]:
        """Those of its models that have to be counted or measured, each once."""
        return tuple(dict.fromkeys(model for model in (self.subject, self.baseline, *self.models) if model))

    @property
    def baseline_words(self) -> tuple[str, ...]:
        """The convention under which the baseline is counted: the subject's unless it has its own."""
        return self.convention if self.baseline_convention is None else self.baseline_convention


@dataclass(frozen=True, slots=True, kw_only=True)
class LeftOut:
    """Something that a paper claims and that is not judged, and why."""

    __pydantic_config__: ClassVar[Any] = _STRICT

    id: str
    statement: str
    printed: str
    source: str
    reason: str

    def __post_init__(self) -> None:
        """Refuse one without a reason."""
        if not self.reason.strip() or not self.source.strip():
            raise ValueError(f"({self.id}) {'reason' if self.source.strip() else 'source'} is empty: expected text")


@dataclass(frozen=True, slots=True, kw_only=True)
class Paper:
    """One file: a paper, what it claims, and what of it is left out."""

    __pydantic_config__: ClassVar[Any] = _STRICT

    title: str
    cite: str
    claims: tuple[Claim, ...] = ()
    left_out: tuple[LeftOut, ...] = ()


def _check_quantity(claim: Claim) -> None:
    allowed = _QUANTITIES.get(claim.kind)
    if allowed is None and claim.quantity is not None:
        raise ValueError(f"quantity is {claim.quantity!r}: expected none, which {claim.kind} says itself")
    if allowed is not None and claim.quantity not in allowed:
        raise ValueError(f"quantity is {claim.quantity!r}: expected one of {', '.join(allowed)} for {claim.kind}")


_FIGURES = {"subject": "subject_figure", "baseline": "baseline_figure"}
_NEEDED: dict[str, tuple[str, ...]] = {
    **dict.fromkeys(_RATIOS, ("subject", "baseline")),
    "accuracy_delta": ("subject_figure", "baseline_figure", "figures_in"),
    "share": ("subject", "part"),
    "scaling_exponent": ("models", "parameter"),
    "absolute": ("subject",),
}


def _check_operands(claim: Claim) -> None:
    """Refuse a claim that lacks what its kind compares."""
    for name in _NEEDED[claim.kind]:
        if not getattr(claim, name) and not (name in _FIGURES and getattr(claim, _FIGURES[name])):
            raise ValueError(f"{name} is missing: expected it for {claim.kind}")
    if claim.kind == "scaling_exponent" and len(claim.models) < 2:
        raise ValueError(f"models has {len(claim.models)} entry: expected two or more")
    for name in ("subject_times", "baseline_times"):
        if getattr(claim, name) < 1:
            raise ValueError(f"{name} is {getattr(claim, name)}: expected an integer from 1")
    if claim.measured and claim.subject_times * claim.baseline_times > 1:
        raise ValueError("subject_times or baseline_times is given: expected models that run once, to be measured")


def _check_figures(claim: Claim) -> None:
    """Refuse a figure from elsewhere where a model is counted or measured, and one that stands nowhere."""
    for model, name in _FIGURES.items():
        if not getattr(claim, name):
            continue
        if claim.kind != "accuracy_delta" and getattr(claim, model):
            raise ValueError(f"{name} stands beside {model}: expected one of them")
        if claim.kind in {"share", "scaling_exponent"} or claim.measured:
            raise ValueError(f"{name} is given: expected models for {claim.kind}")
        if not claim.figures_in:
            raise ValueError(f"figures_in is missing: expected where {name} is printed")


def _check_tolerance(claim: Claim) -> None:
    if claim.tolerance and not claim.tolerance_reason.strip():
        raise ValueError(f"tolerance_reason is missing: expected why {claim.tolerance} is allowed")
    if claim.tolerance_reason and not claim.tolerance:
        raise ValueError("tolerance_reason stands without a tolerance: expected both")
