"""In which modes output leaves a terminal, and what puts it right."""

from __future__ import annotations

import pytest

from supervisor.views.modes import Modes


@pytest.mark.parametrize(
    ("written", "restored"),
    [
        (b"plain text\n", b""),
        (b"\x1b[?25l", b"\x1b[?25h"),
        (b"\x1b[?25l working \x1b[?25h", b""),
        (b"\x1b[?1049h\x1b[?25l\x1b[1;1H\x1b[31mred", b"\x1b[?1049l\x1b[?25h\x1b[0m"),
        (b"\x1b[?1049h\x1b[?1049l", b""),
        (b"\x1b[?1000;1006h\x1b[?2004h", b"\x1b[?1000l\x1b[?1006l\x1b[?2004l"),
        (b"\x1b[?7l", b"\x1b[?7h"),
        (b"\x1b[31mred\x1b[0m", b""),
        (b"\x1b[0;36mw | \x1b[0mtext", b""),
        (b"\x1b[0;1m", b"\x1b[0m"),
        (b"\x1b(0lqk", b"\x1b(B"),
        (b"\x1b(0lqk\x1b(B", b""),
        (b"\x1b=\x1b[?1h", b"\x1b[?1l\x1b>"),
        (b"\x1b[?25l\x1bc", b""),
        (b"\x1b[?99999h\x1b[?;h", b""),
    ],
)
def test_what_is_put_right(written: bytes, restored: bytes) -> None:
    modes = Modes()
    modes.see(written)
    assert modes.restore() == restored
    assert modes.restore() == b"", "once is enough: leaving a screen twice moves the cursor"
