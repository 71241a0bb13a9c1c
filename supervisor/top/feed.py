"""The control socket's stream as messages (docs/control.md). Reads what is there, never waits once connected."""

from __future__ import annotations

import json
import socket

from supervisor.core.contract import requests
from supervisor.errors import ControlError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_CHUNK = 1 << 18  # bytes read at once from the supervisor
# A state of 20 000 workers; whoever sends a longer line is no supervisor.
_LONGEST = 1 << 24


class Feed:
    """A connection that watches a fleet."""

    def __init__(self, path: str) -> None:
        """Connect to the stream. Raises ControlError when no supervisor listens at ``path``."""
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            self._socket.connect(path)
            self._socket.sendall(json.dumps(requests.encode(requests.Watch(log=True))).encode() + b"\n")
        except OSError as error:
            self._socket.close()
            hint = "is the fleet running? start it: supervisor up"
            raise ControlError(f"nobody answers at {path}: {error.strerror or error}", hint) from None
        self._socket.setblocking(False)
        self._pieces: list[bytes] = []
        self._waiting = 0
        self.open = True

    def fileno(self) -> int:
        return self._socket.fileno()

    def close(self) -> None:
        self.open = False
        self._socket.close()

    def read(self) -> list[dict[str, Any]]:
        """Return the messages that are complete; ``open`` becomes False at the stream's end.

        Raises ControlError when the other side refuses or does not speak the protocol.
        """
        try:
            data = self._socket.recv(_CHUNK)
        except BlockingIOError:
            return []
        except OSError:
            data = b""
        if not data:
            self.open = False
            return []
        self._pieces.append(data)
        self._waiting += len(data)
        if b"\n" not in data:
            if self._waiting > _LONGEST:
                raise _stranger()
            return []
        *lines, rest = b"".join(self._pieces).split(b"\n")
        self._pieces, self._waiting = [rest], len(rest)
        return [_message(line) for line in lines if line]


def _message(line: bytes) -> dict[str, Any]:
    try:
        message = json.loads(line)
    except (ValueError, RecursionError):
        raise _stranger() from None
    if not isinstance(message, dict):
        raise _stranger()
    if message.get("ok") is False:
        raise ControlError(f"the supervisor refuses: {message.get('error')}", str(message.get("hint") or ""))
    return message


def _stranger() -> ControlError:
    return ControlError(
        "whoever listens there does not speak the supervisor's protocol",
        "see which supervisor it is: supervisor --version",
    )
