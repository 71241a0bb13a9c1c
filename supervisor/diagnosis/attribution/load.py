"""Was the machine too busy to blame the program? From how often the agent's sampler could look. Pure."""

from __future__ import annotations

from supervisor.agent.body.grain import DUTY, LOOKS
from supervisor.diagnosis.evidence.notes import Ready, SamplerEnd

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from supervisor.core.record import Sample
    from supervisor.diagnosis.evidence.model import Process

# A sampler that came to less than this share of its looks waited for a processor about as long as it slept.
STARVED = 0.5
# A process that used a processor for more than this share of the time was itself what the sampler waited for.
COMPUTED = 0.5
# Over a shorter time (seconds) too few looks are due to tell.
LONG_ENOUGH = 0.3


def machine_was_busy(process: Process, samples: Sequence[Sample]) -> bool:
    """Return whether the sampler was kept from looking, and not by the process itself."""
    ready, end = process.of(Ready), process.of(SamplerEnd)
    if not ready or not end or end[-1].at - ready[0].at < LONG_ENOUGH or end[-1].ticks < 1:
        return False
    took = end[-1].cpu / end[-1].ticks
    due = _looks_due(end[-1].at - ready[0].at, took)
    return end[-1].ticks < STARVED * due and not _computed(samples)


def _looks_due(seconds: float, took: float) -> float:
    """Return how often a sampler looks in so many seconds when nothing keeps it, each look taking ``took``
    seconds.
    """
    due, since = 0.0, 0.0
    for until, pause in LOOKS:
        stretch = min(seconds, until) - since
        if stretch <= 0.0:
            break
        due += stretch / (max(pause, DUTY * took) + took)
        since = until
    return due


def _computed(samples: Sequence[Sample]) -> bool:
    if len(samples) < 2 or samples[-1].at <= samples[0].at:
        return False
    return (samples[-1].cpu - samples[0].cpu) / (samples[-1].at - samples[0].at) > COMPUTED
