"""The newest output, kept for whoever looks later: a dashboard that attaches, a terminal after one has left."""

from __future__ import annotations

from collections import deque

from supervisor.core.frozen import Frozen

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from supervisor.system.output.lane import Lane

MOST_BYTES = 1 << 18  # some thousand lines


class Block(Frozen):
    """Whole lines of one stream; ``at`` is CLOCK_MONOTONIC seconds. ``written``: they stand in our own output."""

    lane: Lane
    text: bytes
    at: float
    written: bool


class Tail:
    """Blocks in the order in which they came; the oldest are forgotten beyond MOST_BYTES."""

    def __init__(self) -> None:
        self._blocks: deque[Block] = deque()
        self._bytes = 0

    def newest_first(self) -> Iterator[Block]:
        """Return the blocks, the newest first."""
        return reversed(self._blocks)

    def add(self, block: Block) -> None:
        """Keep a newer block; of a block that is too long, its end."""
        if len(block.text) > MOST_BYTES:
            block = block.with_(text=block.text[-MOST_BYTES:])
        self._blocks.append(block)
        self._bytes += len(block.text)
        while self._bytes > MOST_BYTES:
            self._bytes -= len(self._blocks.popleft().text)

    def take_unwritten(self) -> list[Block]:
        """Return the blocks that were not written yet; they count as written from now on."""
        found = [block for block in self._blocks if not block.written]
        self._blocks = deque(block.with_(written=True) for block in self._blocks)
        return found
