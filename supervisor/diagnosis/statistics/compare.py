"""Two sets of recorded runs: how the spans shifted, whether that is a regression, which findings are new or gone."""

from __future__ import annotations

from collections import Counter
from statistics import median

from supervisor.core.contract.report import SPANS, TOTAL
from supervisor.core.figures import Compared, SpanCompared
from supervisor.core.verdict import FORCED
from supervisor.diagnosis.statistics.shift import improved, regressed, shift

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Literal

    from supervisor.core.figures import Shift

# A finding in less than this share more or fewer of the runs is no news.
NEWS = 0.25


def compared(
    before: Sequence[Mapping[str, float | None]],
    after: Sequence[Mapping[str, float | None]],
    causes_before: Sequence[Sequence[str]],
    causes_after: Sequence[Sequence[str]],
    outcomes: tuple[Sequence[str], Sequence[str]],
) -> Compared:
    """Compare runs by their spans (seconds by name, None where unknown) and the causes that were found in each.

    Neither set is empty. Runs that were killed are in no span: their stop had no end.
    """
    spans = []
    for name in (TOTAL, *SPANS):
        old, new = _known(before, name), _known(after, name)
        if old and new:
            spans.append(SpanCompared(name, len(old), len(new), median(old), median(new), shift(old, new)))
    whole = next((one for one in spans if one.name == TOTAL), None)
    old_share, new_share = _shares(causes_before), _shares(causes_after)
    changes = {cause: new_share.get(cause, 0.0) - old_share.get(cause, 0.0) for cause in {**old_share, **new_share}}
    return Compared(
        runs=(len(before), len(after)),
        killed=(
            sum(one in FORCED for one in outcomes[0]),
            sum(one in FORCED for one in outcomes[1]),
        ),
        spans=tuple(spans),
        verdict=_verdict(whole.shift, whole.before) if whole else "unknown",
        new=tuple(cause for cause, more in sorted(changes.items(), key=lambda one: -one[1]) if more >= NEWS),
        gone=tuple(cause for cause, more in sorted(changes.items(), key=lambda one: one[1]) if more <= -NEWS),
    )


def _known(runs: Sequence[Mapping[str, float | None]], name: str) -> list[float]:
    return [value for run in runs if (value := run.get(name)) is not None]


def _shares(causes: Sequence[Sequence[str]]) -> dict[str, float]:
    counts = Counter(cause for run in causes for cause in dict.fromkeys(run))
    return {cause: count / len(causes) for cause, count in counts.items()}


def _verdict(found: Shift, before: float) -> Literal["regression", "improvement", "no difference", "unknown"]:
    if found.low is None:
        return "unknown"
    if regressed(found, before):
        return "regression"
    return "improvement" if improved(found, before) else "no difference"
