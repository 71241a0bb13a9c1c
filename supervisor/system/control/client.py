"""The client end of the control socket (docs/control.md): one request, one answer."""

from __future__ import annotations

import json
import os
import socket
import struct

from supervisor.core.contract import requests
from supervisor.errors import ControlError
from supervisor.system.peer import credentials

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

PATIENCE = 5.0  # seconds; a loop that takes longer to answer is in trouble


def connect(path: str, patience: float = PATIENCE) -> socket.socket:
    """Return a connection to the supervisor at ``path``; none of its calls takes longer than ``patience`` seconds.

    Raises ControlError when nobody of ours is there.
    """
    stream = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    # A socket with a timeout would be refused at once while the queue of callers is full (EAGAIN, unix(7)).
    stream.setsockopt(
        socket.SOL_SOCKET, socket.SO_SNDTIMEO, struct.pack("ll", *divmod(round(patience * 1e6), 1_000_000))
    )
    try:
        stream.connect(path)
        stream.settimeout(patience)
    except FileNotFoundError:
        stream.close()
        raise ControlError(
            f"there is no control socket at {path}",
            "its fleet is just starting or ending, or `up` has said why it has none",
        ) from None
    except OSError as error:
        stream.close()
        raise ControlError(
            f"nobody answers at {path}: {error.strerror}", "its supervisor has gone; start it again"
        ) from None
    _, owner = credentials(stream)
    if owner not in (0, os.geteuid()):
        stream.close()
        raise ControlError(f"the socket {path} is served by user {owner}", "do not trust it; remove its folder")
    return stream


def ask(path: str, request: requests.Request, patience: float = PATIENCE) -> dict[str, Any]:
    """Send one request, return its answer. Raises ControlError for silence and for what is no answer."""
    with connect(path, patience) as stream:
        try:
            try:
                stream.sendall(json.dumps(requests.encode(request)).encode() + b"\n")
            except BrokenPipeError:
                pass  # refused before it was asked: the reason can still be read
            data = b""
            while not data.endswith(b"\n") and (chunk := stream.recv(1 << 16)):
                data += chunk
        except OSError as error:
            raise ControlError(f"the supervisor at {path} does not answer: {error}", "is it suspended?") from None
    try:
        answer = json.loads(data)
    except ValueError:
        answer = None
    if not isinstance(answer, dict):
        raise ControlError(
            f"what listens at {path} is no supervisor", "remove the socket, then start the fleet again"
        )
    return answer
