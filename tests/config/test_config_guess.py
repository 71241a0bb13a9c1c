"""What `supervisor init` makes of a command that it knows."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

import pytest

from supervisor.config import describe, guess
from supervisor.config.load import check
from tests.config.loading import ENVIRON

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    ("command", "place"),
    [
        ("uvicorn shop:app", "http://127.0.0.1:8000/"),
        ("python3 -m uvicorn shop:app --host 0.0.0.0 --port=9000", "http://127.0.0.1:9000/"),
        ("/opt/bin/uvicorn shop:app --host ::", "http://[::1]:8000/"),
        ("uvicorn shop:app --uds run/app.sock", "run/app.sock"),
        ("uvicorn shop:app --reload", None),
        ("uvicorn shop:app --fd 3", None),
        ("gunicorn shop:app", "http://127.0.0.1:8000/"),
        ("gunicorn -w 4 -b 0.0.0.0:80 shop:app", "http://127.0.0.1:80/"),
        ("gunicorn --bind=unix:/run/shop.sock shop:app", "/run/shop.sock"),
        ("gunicorn -b fd://3 shop:app", None),
        ("hypercorn --bind [::1]:8080 shop:app", "http://[::1]:8080/"),
        ("hypercorn -b :7000 shop:app", "http://127.0.0.1:7000/"),
        ("hypercorn -b localhost shop:app", "http://localhost:8000/"),
        ("celery -A shop worker", None),
        ("", None),
    ],
)
def test_what_is_guessed(command: str, place: str | None) -> None:
    found = guess.ready(shlex.split(command))
    assert (found is None) == (place is None)
    assert place is None or f'"{place}"' in (found or "")


@pytest.mark.parametrize(
    "command", ["uvicorn shop:app --port 9000", "sh -c 'echo $HOME \"x\"'", "gunicorn -b unix:x y"]
)
def test_the_starter_is_valid_and_runs_just_that(command: str, tmp_path: Path) -> None:
    (tmp_path / "supervisor.toml").write_text(describe.starter(shlex.split(command)))
    loaded, complaints = check(None, str(tmp_path), ENVIRON)
    assert [one for one in complaints if one.severity == "error"] == []
    assert loaded is not None
    (worker,) = loaded.fleet.workers
    assert list(worker.exec.argv) == shlex.split(command)
    assert (worker.ready is not None) == (worker.exec.argv[0] != "sh")
