"""The words of sd_notify(3), and what is none of them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from supervisor.core.notify import MOST_STATUS, Message, parse


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"READY=1", Message(ready=True)),
        (b"READY=1\n", Message(ready=True)),
        (b"READY=1\0", Message(ready=True)),
        (b"READY=0", Message()),
        (b"STATUS=a=b c\nREADY=1", Message(ready=True, status="a=b c")),
        (b"STATUS=first\nSTATUS=second", Message(status="first")),
        (b"STATUS=", Message(status="")),
        (b"RELOADING=1\nMONOTONIC_USEC=2500000", Message(reloading=True, monotonic=2.5)),
        (b"STOPPING=1\nEXTEND_TIMEOUT_USEC=600000", Message(stopping=True, extend=0.6)),
        (b"EXTEND_TIMEOUT_USEC=-1", Message(odd=("EXTEND_TIMEOUT_USEC=-1",))),
        (b"EXTEND_TIMEOUT_USEC=infinity", Message(odd=("EXTEND_TIMEOUT_USEC=infinity",))),
        (b"EXTEND_TIMEOUT_USEC=" + b"9" * 21, Message(odd=("EXTEND_TIMEOUT_USEC=" + "9" * 21,))),
        ("ERRNO=٣".encode(), Message(odd=("ERRNO=٣",))),
        (b"ERRNO=2\nEXIT_STATUS=256", Message(errno=2, odd=("EXIT_STATUS=256",))),
        (b"WATCHDOG=1", Message(watchdog="ping")),
        (b"WATCHDOG=trigger", Message(watchdog="trigger")),
        (b"WATCHDOG=2", Message()),
        (b"WATCHDOG_USEC=0", Message(watchdog_every=0.0)),
        (b"MAINPID=7\nX_VENDOR=1\nFDNAME=db\nFDSTORE=1", Message(main_pid=7, storing=("FDSTORE=1", "FDNAME=db"))),
        (b"FDSTOREREMOVE=1\nFDNAME=db", Message(storing=("FDSTOREREMOVE=1", "FDNAME=db"))),
        (b"FDNAME=db", Message()),
        (b"BARRIER=1", Message(barrier=True)),
        (b"nonsense\n=x\n\xff=1", Message(odd=("nonsense", "=x", "\ufffd=1"))),
        (b"", Message()),
    ],
)
def test_words(data: bytes, message: Message) -> None:
    assert parse(data) == message


@given(st.binary(max_size=300))
def test_anything_may_come(data: bytes) -> None:
    found = parse(data)
    assert found.status is None or len(found.status) <= MOST_STATUS
    assert found.extend is None or 0 <= found.extend < 2**64 / 1e6
