"""How we say things."""

from __future__ import annotations

import pytest

from supervisor.core import signum
from supervisor.core.record import Marks, Shutdown
from supervisor.views import layout, words
from tests.support.shutdowns import shutdown


def test_command() -> None:
    assert words.command(("a b", "--password", "hunter2")) == "'a b' --password '***'"
    assert words.command(("x" * 99,), 10) == "xxx…xxxxxx"


LONG = "/srv/shop/app/bin/python3 /srv/shop/app/bin/uvicorn shop:app"


@pytest.mark.parametrize(
    ("argv", "width", "told"),
    [
        (LONG, 80, LONG),
        (LONG, 56, "/srv/…/python3 /srv/shop/app/bin/uvicorn shop:app"),
        (LONG, 40, "…/python3 /srv/…/uvicorn shop:app"),
        (LONG, 28, "…/python3 …/uvicorn shop:app"),
        (LONG, 20, "…/python3 …/uvicorn…"),
        ("uvicorn --config=/etc/shop/conf/uvicorn.toml", 35, "uvicorn --config=/…/uvicorn.toml"),
        ("curl http://localhost/a/b/c/d", 20, "curl http://localho…"),
    ],
)  # fmt: skip
def test_a_long_command_loses_its_folders_first(argv: str, width: int, told: str) -> None:
    assert words.command(tuple(argv.split()), width) == told


@pytest.mark.parametrize(
    ("signal", "told"),
    [
        (None, "it ended by itself"),
        (signum.NUMBERS["SIGSEGV"], "it ended by itself"),
        (signum.INT, "no stop was requested (Ctrl-C sends this signal)"),
        (signum.USR1, "no stop was requested"),
        (signum.KILL, "no stop was requested (the kernel sends it, too, when memory runs out)"),
    ],
)
def test_an_end_that_nobody_requested(signal: int | None, told: str) -> None:
    one = shutdown(asked_by="self", signal=signal, exit_code=3 if signal is None else None)
    assert words.asked(one) == told


@pytest.mark.parametrize(
    ("asked_by", "requests", "text"),
    [
        ("command stop", 1, "stop requested with `supervisor stop` (pid 41)"),
        ("signal SIGINT", 1, "stop requested by SIGINT (pid 41)"),
        ("signal SIGTERM", 3, "stop requested 3 times, first by SIGTERM (pid 41)"),
        ("failed peer", 1, "stop requested because another worker failed"),
        ("something new", 1, "stop requested by something new (pid 41)"),
        ("self", 0, "it ended by itself"),
    ],
)
def test_who_requested_the_stop(asked_by: str, requests: int, text: str) -> None:
    one = Shutdown(
        worker="w", instance=0, start=1, pid=7, argv=("x",), asked_by=asked_by, asked_by_pid=41, outcome="clean",
        exit_code=0, signal=None, grace=1.0, zero=0.0, marks=Marks(asked=0.0), requests=requests,
    )  # fmt: skip
    assert words.asked(one) == text
    direct = one.with_(direct_signal=signum.INT)
    assert words.asked(direct) == "it received SIGINT directly, not through the supervisor"


@pytest.mark.parametrize("width", [1, 8, 30])
def test_bars_have_their_width_and_grow(width: int) -> None:
    bars = [words.bar(share / 100, width) for share in range(-5, 120)]
    assert {len(bar) for bar in bars} == {width}
    filled = [width - bar.count("░") for bar in bars]
    assert filled == sorted(filled)
    assert words.bar(0, width) == "░" * width and words.bar(1, width) == "█" * width
    assert words.bar(1e-9, width)[0] == "▏", "anything above nothing shows"


def test_talk_is_broken_between_words_and_source_is_not() -> None:
    source = "   12 | command = ['a very long line of source']"
    text = f"supervisor: one two three four five\n{source}\n      hint: six seven eight"
    assert layout.fitted(text, 20).split("\n") == [
        "supervisor: one two", "  three four five", source,
        "      hint: six", "        seven eight",
    ]  # fmt: skip
    assert layout.fitted("see /a/path/without/any/blank/in/it now", 12).split("\n") == [
        "see", "  /a/path/without/any/blank/in/it", "  now",
    ]  # fmt: skip
