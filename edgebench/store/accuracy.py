"""How many of a user's images a trial answered rightly, with Wilson's interval."""

from dataclasses import dataclass

from edgebench.store.records import Run
from edgebench.store.series import Key
from edgebench.untrusted import plain

CONFIDENCE = 0.95
_TOP = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """A share of images with its 95 % interval (Wilson 1927)."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Accuracy:
    """Shares of images whose class was the first answer, or among the first five; `top5` needs more classes than that.

    `reason`: why not all images were answered, and so no share is told.
    """

    images: int = 0
    top1: Share | None = None
    top5: Share | None = None
    reason: str | None = None


def of_run(run: Run) -> dict[Key, Accuracy]:
    """Return the accuracy of every trial that answered images, by session and trial."""
    data = run.started.data
    if data is None:
        return {}
    keys = dict.fromkeys((session, trial) for session, trial, _ in run.answered)
    return {key: _accuracy(run, key, data.labels) for key in keys}


def _accuracy(run: Run, key: Key, labels: tuple[int, ...]) -> Accuracy:
    parts = sorted((part, one) for (session, trial, part), one in run.answered.items() if (session, trial) == key)
    answers = [classes for _, one in parts for classes in one.classes]
    reasons = [one.reason for _, one in parts if one.reason is not None]
    if reasons or len(answers) != len(labels):
        reason = reasons[0] if reasons else f"{len(answers)} of {len(labels)} images were answered"
        return Accuracy(images=len(answers), reason=plain(reason))
    pairs = list(zip(answers, labels, strict=True))
    several = any(len(classes) == _TOP for classes in answers)
    return Accuracy(
        images=len(labels),
        top1=share(sum(label in classes[:1] for classes, label in pairs), len(labels)),
        top5=share(sum(label in classes for classes, label in pairs), len(labels)) if several else None,
    )


def share(right: int, images: int) -> Share:
    """Return a share with its interval: Wilson's, which keeps its confidence near 0 and 1 and for few images.

    >>> found = share(90, 100)
    >>> round(found.low, 3), round(found.high, 3)
    (0.826, 0.945)
    """
    from scipy.stats import binomtest

    interval = binomtest(right, images).proportion_ci(confidence_level=CONFIDENCE, method="wilson")
    return Share(value=right / images, low=float(interval.low), high=float(interval.high))
