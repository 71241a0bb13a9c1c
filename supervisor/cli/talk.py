"""What the commands say about their own work, on stderr, as wide as its terminal."""

from __future__ import annotations

import os

from supervisor.system import stdio


def say(text: str, priority: int = stdio.WARNING) -> None:
    """Write lines that are safe to show; on a terminal they are broken between words, the journal gets a priority."""
    if os.isatty(2):
        from supervisor.views.layout import fitted

        text = fitted(text, stdio.width(2))
    stdio.say(f"{text}\n", priority=priority)
