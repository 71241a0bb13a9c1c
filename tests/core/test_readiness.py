"""The grammar of readiness checks: addresses, patterns, pauses."""

from __future__ import annotations

import pytest

from supervisor.core.readiness import LONGEST_PAUSE, Check, CheckError, address, pause, problem_of_regex, url


def test_pauses_double_up_to_a_second() -> None:
    assert [pause(tries) for tries in range(1, 7)] == pytest.approx([0.1, 0.2, 0.4, 0.8, 1.0, 1.0])
    assert pause(10**9) == LONGEST_PAUSE


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("127.0.0.1:8000", ("127.0.0.1", 8000)),
        ("localhost:1", ("localhost", 1)),
        ("[::1]:65535", ("::1", 65535)),
    ],
)
def test_addresses(text: str, found: tuple[str, int]) -> None:
    assert address(text) == found


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("8000", "is not HOST:PORT"),
        (":8000", "is not HOST:PORT"),
        ("127.0.0.1:0", "is not a port"),
        ("127.0.0.1:65536", "is not a port"),
        ("127.0.0.1:" + "9" * 5000, "is not a port"),
        ("127.0.0.1:٣", "is not a port"),
        ("example.com:80", "neither a literal address nor localhost"),
        ("127.0.0.256:80", "neither a literal address nor localhost"),
        ("::1:80", r"written in brackets, as in \[::1\]:80"),
        ("[x]:80", "not an IPv6 address"),
    ],
)
def test_what_is_no_address(text: str, why: str) -> None:
    with pytest.raises(CheckError, match=why):
        address(text)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("http://127.0.0.1:8000/ready", ("127.0.0.1", 8000, "/ready")),
        ("http://localhost", ("localhost", 80, "/")),
        ("HTTP://[::1]/a?b=c#part", ("::1", 80, "/a?b=c")),
        ("http://[::1]:8080", ("::1", 8080, "/")),
    ],
)
def test_urls(text: str, found: tuple[str, int, str]) -> None:
    assert url(text) == found


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("https://127.0.0.1/", "https is not offered"),
        ("127.0.0.1:8000/ready", "not an http:// address"),
        ("http://user:pw@127.0.0.1/", "set a header instead"),
        ("http://example.com/", "neither a literal address nor localhost"),
        ("http://127.0.0.1/a b", "only printable ASCII"),
        ("http://127.0.0.1/\r\nX: y", "only printable ASCII"),
    ],
)
def test_what_is_no_url(text: str, why: str) -> None:
    with pytest.raises(CheckError, match=why):
        url(text)


@pytest.mark.parametrize(
    "pattern",
    ["ready", "^listening on .*:\\d+$", "(started|up)", "a{3}", "(ab)?c+", "[a-z]+ in [0-9.]+ ms", "((ab)?c)?"],
)
def test_patterns_that_end_soon(pattern: str) -> None:
    assert problem_of_regex(pattern) is None


@pytest.mark.parametrize(
    ("pattern", "why"),
    [
        ("(", "not a valid regular expression"),
        ("(a+)+$", "inside a repeat"),
        ("(a*){2,}", "inside a repeat"),
        ("(?:(?:a{2}){3}){4}", "inside a repeat"),
        (r"(a)\1", "refers back"),
        (".*.*.*x", "more than two repeats"),
        ("a{1,500}b{1,500}c{1,500}", "more than two repeats"),
        ("(?=(a+)+)b", "inside a repeat"),
        ("(a|b*)*", "inside a repeat"),
        ("(" * 3000, "not a valid regular expression"),
    ],
)
def test_patterns_that_may_run_for_ever(pattern: str, why: str) -> None:
    assert why in (problem_of_regex(pattern) or "")


@pytest.mark.parametrize(
    ("check", "text"),
    [
        (Check(), "started"),
        (Check("after", seconds=2.0), "after 2 s"),
        (Check("log", text="up"), "log 'up'"),
        (Check("log", regex="up+"), "log /up+/"),
        (Check("fd", fd="READY_FD"), "fd READY_FD"),
        (Check("tcp", host="::1", port=80), "tcp [::1]:80"),
        (Check("unix", path="/run/x"), "unix /run/x"),
        (Check("http", host="127.0.0.1", port=80, path="/ready"), "http 127.0.0.1:80/ready"),
        (Check("command", argv=("pg_isready", "-q")), "command pg_isready"),
    ],
)
def test_a_check_in_a_word(check: Check, text: str) -> None:
    assert check.shown == text
