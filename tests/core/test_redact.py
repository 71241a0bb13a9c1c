"""Secrets in command lines."""

from __future__ import annotations

import pytest

from supervisor.core import redact


@pytest.mark.parametrize(
    ("argv", "shown"),
    [
        ("serve --port 80", "serve --port 80"),
        ("x --password hunter2 y", "x --password *** y"),
        ("x --password=hunter2", "x --password=***"),
        ("x --db-password hunter2", "x --db-password ***"),
        ("x --API-Key k", "x --API-Key ***"),
        ("x --pass k --pw k --pwd k", "x --pass *** --pw *** --pwd ***"),
        ("x --bypass k", "x --bypass k"),
        ("env MYSQL_PWD=x DB_PASS=y cmd --db-pass z", "env MYSQL_PWD=*** DB_PASS=*** cmd --db-pass ***"),
        ("env PGPASSWORD=x MODE=y cmd", "env PGPASSWORD=*** MODE=y cmd"),
        ("x token=abc", "x token=***"),
        ("x token=", "x token="),
        ("x --token", "x --token"),
        ("x --token --verbose", "x --token --verbose"),
        ("x password hunter2", "x password hunter2"),
        ("https://ada:pw@host/p", "https://ada:***@host/p"),
        ("https://ada@host", "https://***@host"),
        ("https://:pw@host:80", "https://:***@host:80"),
        ("https://host/a@b", "https://host/a@b"),
        ("--url=redis://:pw@host/0", "--url=redis://:***@host/0"),
        ("amqp://a:b@h1,amqp://c:d@h2", "amqp://a:***@h1,amqp://c:***@h2"),
        ("https://h/p?a=1&token=x&b=2", "https://h/p?a=1&token=***&b=2"),
        ("https://h/p?token=x", "https://h/p?token=***"),
        ("https://h/p?token=&plain", "https://h/p?token=&plain"),
        ("--url=https://u:p@h/p?api_key=x", "--url=https://u:***@h/p?api_key=***"),
        ("postgres://u:p@w@h/db", "postgres://u:***@h/db"),
        ("a?b=c", "a?b=c"),
    ],
)
def test_argv(argv: str, shown: str) -> None:
    assert " ".join(redact.argv(tuple(argv.split()))) == shown


def test_a_checks_query() -> None:
    from supervisor.core.readiness import Check

    check = Check("http", host="127.0.0.1", port=80, path="/ready?token=x&deep=1")
    assert check.shown == "http 127.0.0.1:80/ready?token=***&deep=1"


def test_a_value_with_spaces_and_the_empty_line() -> None:
    assert redact.argv(("x", "--secret", "a b")) == ("x", "--secret", "***")
    assert redact.argv(()) == ()


@pytest.mark.parametrize(
    ("word", "shown"),
    [
        ("exec app --token abc --port 80", "exec app --token *** --port 80"),
        ("A=1 DB_PASSWORD=x app", "A=1 DB_PASSWORD=*** app"),
        ("psql postgres://u:p@h/db -c 1", "psql postgres://u:***@h/db -c 1"),
        ("app  --flag ", "app  --flag "),
        ("Authorization: Bearer abc", "Authorization: ***"),
        ("Accept: text/html", "Accept: text/html"),
    ],
)
def test_inside_a_word_with_spaces(word: str, shown: str) -> None:
    """`sh -c COMMAND` carries a whole command line in one word, `curl -H` a header."""
    assert redact.argv(("sh", "-c", word)) == ("sh", "-c", shown)
