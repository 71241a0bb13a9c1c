"""The lean parser and typer read the same: whatever the lean one accepts, typer's command takes for the same."""

from __future__ import annotations

import os
from typing import Any
from unittest import mock

import pytest
import typer.main
from hypothesis import example, given, settings
from hypothesis import strategies as st

from supervisor.cli.app import app
from supervisor.cli.options import RUN, STATUS, STOP, UP, Option, parse
from tests.support.processes import run

TABLES = {"run": RUN, "up": UP, "status": STATUS, "stop": STOP}
COMMANDS = typer.main.get_command(app).commands  # type: ignore[attr-defined]  # a group has them
WORDS = [
    "true",
    "a b",
    "",
    "-",
    "--",
    "-5",
    "TERM:0",
    "KILL",
    "end",
    "auto",
    "x=y",
    "--grace",
    "-v",
    "é",
    "1e3",
    "--=",
    "=",
]


def _tokens(table: tuple[Option, ...]) -> st.SearchStrategy[list[str]]:
    values = sorted({choice for option in table for choice in option.choices}) + WORDS
    names = sorted({name for option in table for name in option.names})
    value = st.sampled_from(values) | st.text(max_size=4).filter(lambda text: "\0" not in text)
    name = st.sampled_from(names)
    odd = st.sampled_from(names).map(lambda text: text[: max(2, len(text) - 2)]) | st.sampled_from(
        ["-vq", "-g5", "-h"]
    )
    one = st.one_of(
        name.map(lambda text: [text]),
        st.tuples(name, value).map(list),
        st.tuples(name, value).map(lambda pair: [f"{pair[0]}={pair[1]}"]),
        odd.map(lambda text: [text]),
        value.map(lambda text: [text]),
    )
    return st.lists(one, max_size=5).map(lambda lists: [word for part in lists for word in part])


def _environment(table: tuple[Option, ...]) -> st.SearchStrategy[dict[str, str]]:
    names = sorted(option.env for option in table if option.env)
    return st.dictionaries(
        st.sampled_from(names), st.sampled_from(["", "0", "1", "auto", "end", "TERM:0", "x"]), max_size=2
    )


def _typers(name: str, argv: list[str], environ: dict[str, str]) -> tuple[dict[str, Any], list[str]]:
    clean = {key: value for key, value in os.environ.items() if not key.startswith("SIGDRAIN_")}
    with mock.patch.dict(os.environ, clean | environ, clear=True):
        given = dict(COMMANDS[name].make_context(name, list(argv)).params)
    words = list(given.pop("words", None) or [])
    return {key: tuple(value) if isinstance(value, list) else value for key, value in given.items()}, words


@pytest.mark.parametrize("name", TABLES)
@settings(max_examples=50, deadline=None)
@given(data=st.data())
def test_the_two_parsers_agree(name: str, data: st.DataObject) -> None:
    argv = data.draw(_tokens(TABLES[name]))
    environ = data.draw(_environment(TABLES[name]))
    lean = parse(argv, environ, TABLES[name])
    if lean is not None and not (lean[1] and name == "status"):  # it takes no names: typer says so
        assert _typers(name, argv, environ) == lean


@given(st.lists(st.text(max_size=6), max_size=4))
@example(["--grace", "5", "--", "-v", "--help"])
def test_nothing_behind_the_command_is_touched(rest: list[str]) -> None:
    for argv in (["-v", "cmd", *rest], ["-v", "--", "cmd", *rest]):
        found = parse(argv, {})
        assert found is not None
        assert found[1] == ["cmd", *rest]


@pytest.mark.parametrize("option", RUN, ids=lambda option: option.key)
def test_the_plain_form_of_every_option_is_lean(option: Option) -> None:
    """Else the slow path would be taken unnoticed."""
    value = [] if option.flag else [option.choices[0] if option.choices else "1"]
    for spelling in option.names:
        found = parse([spelling, *value, "--", "true"], {})
        assert found is not None, spelling
        expected: Any = True if option.flag else (value[0],) if option.many else value[0]
        assert found[0][option.key] == expected


@pytest.mark.parametrize("option", [one for one in RUN if not one.many], ids=lambda option: option.key)
def test_every_option_has_an_environment_variable(option: Option) -> None:
    text = "1" if option.flag else option.choices[-1] if option.choices else "1"
    values, _ = _typers("run", ["--", "true"], {str(option.env): text})
    assert values[option.key] == (True if option.flag else text)


@pytest.mark.parametrize("given", [(), ("--stop-signal", "INT")], ids=["lean", "typer"])
def test_a_mistake_from_the_environment_says_so(given: tuple[str, ...]) -> None:
    environ = os.environ | {"SIGDRAIN_GRACE": "soon"} | ({"SIGDRAIN_VERBOSE": "1"} if given else {})
    code, _, err = run(["true"], *given, env=environ)
    assert code == 2
    assert err.endswith("\nnote: SIGDRAIN_GRACE is 'soon' in the environment\n")
