"""A listener and its reserve of descriptors: what it takes back never is one of the last."""

from __future__ import annotations

import os
import socket
from typing import TYPE_CHECKING

import pytest

from supervisor.system import descriptors
from supervisor.system.peer import Listener

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

RESERVE = 4


@pytest.fixture
def listener(tmp_path: Path) -> Iterator[Listener]:
    listening = socket.socket(socket.AF_UNIX)
    listening.bind(str(tmp_path / "s"))
    listening.listen(64)
    found = Listener(listening, lambda _: None, RESERVE)
    yield found
    found.close()


def taken() -> int:
    """How many descriptors are open now."""
    return len(os.listdir("/proc/self/fd"))


def test_the_last_descriptors_stay_free(listener: Listener, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """However often callers come and go: one that the reserve served gives back one, not the whole reserve."""
    clients = [socket.socket(socket.AF_UNIX) for _ in range(RESERVE * 2)]
    for client in clients:
        client.connect(str(tmp_path / "s"))
    monkeypatch.setattr(descriptors, "enough", lambda _wanted=1: False)
    before = taken()
    served = [peer.socket for _ in range(RESERVE) if (peer := listener.accept()) is not None]
    assert (len(served), taken()) == (RESERVE, before)
    for one in served[:2]:
        one.close()
        listener.released()
    assert taken() == before
    served += [peer.socket for _ in range(RESERVE) if (peer := listener.accept()) is not None]
    assert (len(served), taken()) == (RESERVE + 2, before), "two of the reserve had come back"
    for one in (*served, *clients):
        one.close()


def test_the_whole_reserve_comes_back_where_there_is_room(listener: Listener) -> None:
    before = taken()
    listener.lend()
    assert taken() == before - RESERVE
    listener.released()
    assert taken() == before
