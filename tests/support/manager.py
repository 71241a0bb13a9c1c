"""A service manager's end of sd_notify(3): a socket that hears what we say, with who said it."""

from __future__ import annotations

import os
import select
import socket
import time
from typing import TYPE_CHECKING, Self

from tests.support.processes import PATIENCE

if TYPE_CHECKING:
    from pathlib import Path


class Manager:
    """``address`` is for $NOTIFY_SOCKET; ``said`` are the datagrams so far, each as its lines."""

    def __init__(self, folder: Path, *, abstract: bool = False) -> None:
        self.address = f"@sigdrain-{os.urandom(6).hex()}" if abstract else str(folder / "manager")
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind("\0" + self.address[1:] if abstract else self.address)
        self.said: list[list[str]] = []
        self.descriptors: list[int] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()
        for fd in self.descriptors:
            os.close(fd)

    def until(self, word: str) -> list[str]:
        """Wait for a datagram with a line that begins like ``word``; its lines."""
        end = time.monotonic() + PATIENCE
        seen = 0
        while True:
            for lines in self.said[seen:]:
                if any(line.startswith(word) for line in lines):
                    return lines
            seen = len(self.said)
            ready, _, _ = select.select([self._socket], [], [], max(end - time.monotonic(), 0.0))
            assert ready, f"nobody said {word!r}; so far {self.said}"
            self._read()

    def rest(self) -> list[list[str]]:
        """All datagrams, those included that have come by now."""
        while select.select([self._socket], [], [], 0)[0]:
            self._read()
        return self.said

    @property
    def words(self) -> list[str]:
        """All lines but those of STATUS, in order."""
        return [line for lines in self.rest() for line in lines if not line.startswith("STATUS=")]

    def _read(self) -> None:
        data, descriptors, _, _ = socket.recv_fds(self._socket, 8192, 16)
        self.descriptors += descriptors
        self.said.append(data.decode().splitlines())
