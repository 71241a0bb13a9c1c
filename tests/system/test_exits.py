"""Ends are stamped when they are seen, told once, and forgotten with their descriptor."""

from __future__ import annotations

import os
import select
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from supervisor.system.process.exits import Exits

if TYPE_CHECKING:
    from collections.abc import Iterator


class Child:
    """A process that ends when told, and its pidfd."""

    def __init__(self) -> None:
        waits, self._go = os.pipe()
        self.pid = os.fork()
        if self.pid == 0:
            os.close(self._go)
            os.read(waits, 1)
            os._exit(0)
        os.close(waits)
        self.pidfd = os.pidfd_open(self.pid)

    def end(self) -> None:
        """Let it end; back when the kernel says that it has."""
        os.write(self._go, b".")
        os.close(self._go)
        poller = select.poll()
        poller.register(self.pidfd, select.POLLIN)
        poller.poll()

    def reap(self) -> None:
        os.waitpid(self.pid, 0)
        os.close(self.pidfd)


@contextmanager
def watched(count: int) -> Iterator[tuple[Exits, list[Child]]]:
    children, exits = [Child() for _ in range(count)], Exits()
    for child in children:
        exits.watch(child.pidfd)
    yield exits, children
    for child in children:
        child.reap()


def test_each_end_has_the_time_at_which_it_was_seen() -> None:
    """Not the time at which somebody came to handle it."""
    with watched(3) as (exits, children):
        exits.stamp()
        assert not exits
        bounds = []
        for child in children:
            child.end()
            begin = time.monotonic()
            exits.stamp()
            bounds.append((begin, time.monotonic()))
        for child, (begin, end) in zip(children, bounds, strict=True):
            pidfd, at = exits.take()
            assert pidfd == child.pidfd
            assert begin <= at <= end


def test_an_end_is_told_once_and_again_only_when_asked_for() -> None:
    """A zombie that is kept would be ready for ever."""
    with watched(1) as (exits, (child,)):
        child.end()
        exits.stamp()
        exits.stamp()
        assert len(exits) == 1
        exits.take()
        exits.stamp()
        assert not exits
        exits.set_aside(child.pidfd)
        exits.stamp()
        assert not exits, "somebody else holds the zombie: it is readable all the time"
        exits.again()
        exits.stamp()
        assert exits.take()[0] == child.pidfd
        exits.again()
        exits.stamp()
        assert not exits


def test_it_wakes_an_epoll_around_it_only_for_news() -> None:
    """The loop sleeps in one epoll; an end that has its stamp wakes it no more."""
    with watched(1) as (exits, (child,)):
        outer = select.epoll()
        outer.register(exits.fileno(), select.EPOLLIN)
        assert outer.poll(0) == []
        child.end()
        assert outer.poll(5) == [(exits.fileno(), select.EPOLLIN)]
        exits.stamp()
        assert outer.poll(0) == []
        outer.close()


def test_what_is_unwatched_is_not_told() -> None:
    """Its number may be another file's the next moment."""
    with watched(2) as (exits, (first, second)):
        first.end()
        second.end()
        exits.stamp()
        exits.set_aside(first.pidfd)
        exits.unwatch(first.pidfd)
        exits.again()
        assert len(exits) == 1
        assert exits.take()[0] == second.pidfd
        with pytest.raises(OSError, match="No such file"):
            exits.unwatch(first.pidfd)
