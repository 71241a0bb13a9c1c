"""Variables and placeholders in texts."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from supervisor.config.expand import ExpandError, expand, literal, lookalike, placeholders

VARIABLES = {"HOME": "/home/ada", "EMPTY": "", "TRICKY": "${HOME} $$ {port}"}
PLACES = {"instance": "2", "port": "8001"}

EXPANDED = [
    ("", ""),
    ("plain", "plain"),
    ("${HOME}/x", "/home/ada/x"),
    ("${HOME}${HOME}", "/home/ada/home/ada"),
    ("$HOME $1 $ 5$", "$HOME $1 $ 5$"),
    ("$$ $${HOME} $$$$", "$ ${HOME} $$"),
    ("${NO:-default}", "default"),
    ("${NO:-}", ""),
    ("${EMPTY}", ""),
    ("${EMPTY:-full}", "full"),
    ("${HOME:-x}", "/home/ada"),
    ("${NO:-${HOME}/y}z", "/home/ada/yz"),
    ("${NO:-a${NO:-b}c}", "abc"),
    ("${NO:-80{instance}}", "802"),
    ("${NO:-a\nb:-c}", "a\nb:-c"),
    ("${TRICKY}", "${HOME} $$ {port}"),
    ("--port={port} {instance}", "--port=8001 2"),
    ("{{port}} {{instance}}", "{port} {instance}"),
    ('{"a": {"b": 1}} {} {0} { x } {port', '{"a": {"b": 1}} {} {0} { x } {port'),
    ("%{http_code} $${HOME} {{x}}", "%{http_code} ${HOME} {x}"),
]


@pytest.mark.parametrize(("text", "expected"), EXPANDED)
def test_expanded(text: str, expected: str) -> None:
    assert expand(text, VARIABLES, PLACES) == expected


REFUSED = [
    ("a ${NO} b", "uses the variable NO, which is not set", "set it, or write ${NO:-default}"),
    ("${}", "contains ${}, which is not a variable", "$${"),
    ("${a b}", "contains ${a b}, which is not a variable", "$${"),
    ("${1}", "contains ${1}, which is not a variable", "$${"),
    ("${HOME", "has a ${ without its }", "$${"),
    ("${NO:-${HOME}", "has a ${ without its }", "$${"),
    ("${NO:-" * 100_000, "nests more than 10 variables", "$${"),
    ("${NO:-" * 100_000 + "}" * 100_000, "nests more than 10 variables", "$${"),
    ("${NO:-${NOPE}}", "uses the variable NOPE", "NOPE"),
    ("a{foo}", "uses {foo}, which is no placeholder", "{instance} and {port}; write {{foo}} for the literal text"),
    ("{Port}", "uses {Port}, which is no placeholder", "{instance} and {port}"),
]


@pytest.mark.parametrize(("text", "message", "hint"), REFUSED, ids=lambda text: text[:20])
def test_refused(text: str, message: str, hint: str) -> None:
    with pytest.raises(ExpandError) as caught:
        expand(text, VARIABLES, PLACES)
    assert message in caught.value.message
    assert hint in caught.value.hint


def test_a_placeholder_without_its_key() -> None:
    with pytest.raises(ExpandError, match=r'uses \{instance\}, but the worker has no "instances"'):
        expand("{instance}", {}, {"port": "1"})
    with pytest.raises(ExpandError, match=r'uses \{port\}, but the worker has no "port"'):
        expand("{port}", {}, {"instance": "1"})


def test_which_placeholders() -> None:
    assert placeholders("{port} {{instance}} ${port} {x}") == {"port"}
    assert placeholders("{instance}{port}") == {"instance", "port"}


def test_lookalikes() -> None:
    assert lookalike("--worker=%(process_num)02d") == "%(process_num)02d"


@pytest.mark.parametrize("text", ["{port}", "{{port}}", "{instance}", "%d"])
def test_no_lookalikes(text: str) -> None:
    assert not lookalike(text)


@given(st.text())
def test_what_a_variable_holds_is_taken_as_it_is(value: str) -> None:
    assert expand("<${V}>", {"V": value}, PLACES) == f"<{value}>"


@given(st.text("ab${}:-port"))
def test_any_text_expands_or_is_refused(text: str) -> None:
    try:
        expanded = expand(text, VARIABLES, PLACES)
    except ExpandError:
        assert "${" in text or re.search(r"\{\w+\}", text)
    else:
        assert expanded == text or "$" in text or "{port}" in text


@given(st.text("ab$% {}port"))
def test_a_literal_text_expands_to_itself(text: str) -> None:
    assert expand(literal(text), {}, {}) == text
