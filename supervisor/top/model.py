"""What the dashboard knows and what was chosen: messages and keys in, frames out. No clock, no system calls."""

from __future__ import annotations

from supervisor.views.dashboard import frame
from supervisor.views.dashboard.fleet import Roster
from supervisor.views.dashboard.text import plain, printable, shortened

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from supervisor.views.dashboard.frame import Frame
    from supervisor.views.dashboard.rows import Usage, Worker


class Model:
    """The state of one dashboard. ``code`` is the fleet's exit code once it is over, ``leaving`` after q."""

    def __init__(self, embedded: bool) -> None:
        self.look = frame.Look(embedded=embedded)
        self.code: int | None = None
        self.leaving = False
        self.known = False
        self.fleet: Mapping[str, Any] = {}
        self._workers: dict[int, Worker] = {}
        self._roster: Roster | None = None
        self._log = frame.Log()
        self._frame = frame.Frame(self.look)
        # What the arrows move now: what was chosen, or the only thing that has something to move.
        self._focus = self._frame.look.focus

    def take(self, message: Mapping[str, Any]) -> None:
        """Take in one message of the stream; what a later version added is passed over."""
        if "fleet" in message:
            self.known = True
            self.fleet = message["fleet"]
            self._workers |= {int(worker["id"]): worker for worker in message.get("workers", ())}
            self._roster = None
        if "log" in message:
            lines = [one | {"line": shortened(str(one.get("line", "")))} for one in message["log"]]
            self._log.add(lines, int(message.get("dropped") or 0))
            if self.look.back:
                # Somebody reads further up: what they read stays where it is.
                self.look = self.look.with_(back=self.look.back + len(lines))
        if message.get("over"):
            self.code = int(message.get("code") or 0)

    def key(self, key: str) -> None:
        """Act on one key."""
        if key in ("q", "Q"):
            self.leaving = True
        elif self.look.help:
            self.look = self.look.with_(help=False)
        elif key in ("?", "h"):
            self.look = self.look.with_(help=True)
        elif key == "l":
            self.look = self.look.with_(log=not self.look.log, back=0)
        elif key == "tab":
            self._focus = "rows" if self._focus == "log" else "log"
            self.look = self.look.with_(focus=self._focus)
        else:
            self._move(key)

    def frame(self, usage: Mapping[int, Usage], now: float, width: int, height: int) -> Frame:
        """Return the screen as it is now."""
        if self._roster is None:
            self._roster = Roster(self.fleet, self._workers.values())
        self._frame = frame.frame(self._roster, usage, self._log, self.look, now, width, height)
        # What is out of range comes back into it, so that the next key moves from what is seen.
        self.look = self.look.with_(row=self._frame.look.row, back=self._frame.look.back)
        self._focus = self._frame.look.focus
        return self._frame

    def last_lines(self, most: int) -> list[str]:
        """Return the newest lines of output as plain text, with their workers' names."""
        found = self._log.lines[-most:]
        names = [printable(str(one.get("title") or "supervisor")) for one in found]
        wide = max(map(len, names), default=0)
        lines = (plain(str(one.get("line", ""))) for one in found)
        return [f"{name:<{wide}} | {line}" for name, line in zip(names, lines, strict=True)]

    @property
    def pids(self) -> list[int]:
        """Return the main processes of the workers on the last frame."""
        return [int(worker["pid"]) for worker in self._frame.shown if worker.get("pid") is not None]

    def _move(self, key: str) -> None:
        focus = self._focus
        page = max(self._frame.page[focus] - 1, 1)
        far = len(self._workers) + len(self._log.lines)
        steps = {"up": -1, "down": 1, "page up": -page, "page down": page, "home": -far, "end": far}
        step = steps.get(key)
        if step is None:
            return
        if focus == "rows":
            self.look = self.look.with_(row=max(self.look.row + step, 0))
        else:
            self.look = self.look.with_(back=max(self.look.back - step, 0))
