"""What counting gives for a claim, and the arithmetic that leads there."""

import itertools
import math
from collections.abc import Iterator, Mapping
from dataclasses import replace
from fractions import Fraction

from edgebench import architectures
from edgebench.analysis import convention as conventions
from edgebench.analysis.convention import WORDS
from edgebench.analysis.cost import Cost, LayerCost
from edgebench.api.claims.paper_files import parameter_values
from edgebench.errors import UsageError
from edgebench.judge.claims import Claim
from edgebench.judge.combining import slope_weights
from edgebench.judge.judgement import Recounted
from edgebench.judge.limits import figure, limits
from edgebench.judge.slips import slips

Costs = Mapping[str, Cost]

_COUNTED_RATIOS = {"mult_adds_ratio": "mult_adds", "params_ratio": "params"}
_FIELDS = {"mult_adds": "operations", "params": "params"}


def recount(claim: Claim, costs: Costs) -> Recounted | None:
    """Return what counting gives for a claim, None for one that has to be measured.

    Raise UsageError for a part that the network does not have.
    """
    if claim.measured:
        return None
    if claim.kind in _COUNTED_RATIOS:
        return _ratio(claim, costs)
    if claim.kind == "accuracy_delta":
        above, below = figure(claim.subject_figure), figure(claim.baseline_figure)
        return Recounted(
            value=above - below, arithmetic=f"{claim.subject_figure} - {claim.baseline_figure} ({claim.figures_in})"
        )
    return {"share": _share, "scaling_exponent": _exponent, "absolute": _absolute}[claim.kind](claim, costs)


def counterpart(claim: Claim, costs: Costs) -> Recounted | None:
    """Return what counting gives for the same quantity in mult-adds, of a claim on latency; None for all others."""
    if not claim.measured:
        return None
    if claim.kind == "latency_ratio":
        return recount(replace(claim, kind="mult_adds_ratio"), costs)
    return recount(replace(claim, quantity="mult_adds"), costs)


def otherwise(claim: Claim, found: Recounted, costs: Costs) -> tuple[str, ...]:
    """Return what would make a printed figure come out that does not: another convention, or a slip of the pen.

    A figure of time comes out otherwise where it is that of mult-adds, and that is what `found` is of one.
    """
    holds = limits(claim).hold(found.value)
    if claim.measured:
        same = holds and claim.relation == "equals" and not claim.inferred
        return (f"of mult-adds in place of time it comes out: {found.arithmetic}",) if same else ()
    if holds:
        return ()
    return (*_other_conventions(claim, costs), *slips(claim, found.value))


def layers_of(cost: Cost, part: tuple[str, ...], model: str) -> tuple[LayerCost, ...]:
    """Return the layers of some kinds or names; raise UsageError for one that the network does not have."""
    for one in part:
        if not any(_belongs(layer, one) for layer in cost.layers):
            raise UsageError(f"{model} has no layer {one}: expected a kind or name as `edgebench count --layers` says.")
    return tuple(layer for layer in cost.layers if any(_belongs(layer, one) for one in part))


def _belongs(layer: LayerCost, part: str) -> bool:
    return part in {layer.kind, layer.name} or layer.name.startswith(f"{part}.")


def _ratio(claim: Claim, costs: Costs) -> Recounted:
    above, above_text = _side(claim, costs, "subject", claim.convention)
    below, below_text = _side(claim, costs, "baseline", claim.baseline_words)
    return Recounted(value=above / below, arithmetic=f"{above_text} / {below_text}")


def _side(claim: Claim, costs: Costs, side: str, words: tuple[str, ...]) -> tuple[Fraction, str]:
    text = getattr(claim, f"{side}_figure")
    if text:
        return figure(text), f"{text} ({claim.figures_in})"
    counted = _counted(costs[getattr(claim, side)], _COUNTED_RATIOS[claim.kind], words)
    return _times(counted, getattr(claim, f"{side}_times"))


def _times(counted: int, times: int) -> tuple[Fraction, str]:
    return Fraction(counted * times), f"{counted:,}" if times == 1 else f"{times:,} x {counted:,}"


def _counted(cost: Cost, quantity: str, words: tuple[str, ...]) -> int:
    value: int = getattr(conventions.figures(cost, conventions.parse(words)), _FIELDS[quantity])
    return value


def _share(claim: Claim, costs: Costs) -> Recounted:
    cost, counted_as = costs[claim.subject], conventions.parse(claim.convention)
    layers = layers_of(cost, claim.part, claim.subject)
    assert claim.quantity is not None
    of_part = conventions.figures(Cost(layers=layers), replace(counted_as, classifier=True, first_layer=True))
    part: int = getattr(of_part, _FIELDS[claim.quantity])
    whole = _counted(cost, claim.quantity, claim.convention)
    return Recounted(value=Fraction(part, whole), arithmetic=f"{part:,} / {whole:,}, of {', '.join(claim.part)}")


def _exponent(claim: Claim, costs: Costs) -> Recounted:
    xs = parameter_values(claim)
    assert claim.quantity is not None
    counts = [_counted(costs[model], claim.quantity, claim.convention) for model in claim.models]
    slope = sum(weight * math.log(count) for weight, count in zip(slope_weights(xs), counts, strict=True))
    points = ", ".join(f"{x:g}: {count:,}" for x, count in zip(xs, counts, strict=True))
    return Recounted(value=Fraction(slope), arithmetic=f"slope of the logarithms over {claim.parameter} ({points})")


def _absolute(claim: Claim, costs: Costs) -> Recounted:
    if claim.subject_figure:
        return Recounted(value=figure(claim.subject_figure), arithmetic=f"{claim.subject_figure} ({claim.figures_in})")
    cost = costs[claim.subject]
    if claim.quantity == "resolution":
        shapes = architectures.input_shapes(architectures.parse(claim.subject)).values()
        side = next(iter(shapes))[-1]
        return Recounted(value=Fraction(side), arithmetic=f"the input of {claim.subject} has side {side}")
    if claim.quantity == "layers":
        layers = conventions.counted_layers(cost, conventions.parse(claim.convention))
        if claim.part:
            layers = layers_of(Cost(layers=layers), claim.part, claim.subject)
        of_what = ", ".join(claim.part) or "convolution and fully connected layers"
        return Recounted(value=Fraction(len(layers)), arithmetic=f"{len(layers)} x {of_what}")
    assert claim.quantity is not None
    counted_part = Cost(layers=layers_of(cost, claim.part, claim.subject)) if claim.part else cost
    value, text = _times(_counted(counted_part, claim.quantity, claim.convention), claim.subject_times)
    return Recounted(value=value, arithmetic=text)


_LEAVE_OUT = ("without-classifier", "without-first-layer")

# --- other conventions -----------------------------------------------------------------------------------------------


def _other_conventions(claim: Claim, costs: Costs) -> Iterator[str]:
    """Yield each single word, on both sides or on one, under which the printed figure comes out."""
    if claim.kind not in _COUNTED_RATIOS and claim.quantity not in _FIELDS:
        return
    for changed, words in _changed(claim):
        try:
            found = recount(changed, costs)
        except UsageError:  # contradicts the claim's own words, or there is no classifier to leave out
            continue
        if found is not None and limits(claim).hold(found.value):
            yield f"{words} it comes out: {found.arithmetic}"


def _changed(claim: Claim) -> Iterator[tuple[Claim, str]]:
    sides = ("both", "subject", "baseline") if claim.kind in _COUNTED_RATIOS else ("subject",)
    own, other = claim.convention, claim.baseline_words
    single = any(model.startswith("layer:") for model in claim.counted_models)
    for word, side in itertools.product(WORDS, sides):
        if single and word in _LEAVE_OUT:
            continue  # what is left out of a network is most of a layer
        subject = (*own, word) if side in {"both", "subject"} else own
        baseline = (*other, word) if side in {"both", "baseline"} else other
        of_what = "" if side == "both" or len(sides) == 1 else f" of the {side} alone"
        yield replace(claim, convention=subject, baseline_convention=baseline), f"by the convention {word}{of_what}"
