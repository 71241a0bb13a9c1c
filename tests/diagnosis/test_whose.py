"""Whose code a file is, by its path and by what the agent says of the packages that are the user's own."""

from __future__ import annotations

import pytest

from supervisor.diagnosis.evidence.frames import Owner, origin

SITE = "/venv/lib/python3.12/site-packages"


@pytest.mark.parametrize(
    ("file", "whose"),
    [
        ("/app/shop.py", "user"),
        ("shop.py", "user"),  # a Python 3.8 main script
        (f"{SITE}/uvicorn/server.py", "library"),
        ("/usr/lib/python3/dist-packages/apt/cache.py", "library"),
        ("/app/shop/_vendor/idna/core.py", "library"),
        ("/app/third_party/left_pad.py", "library"),
        ("/app/shop.zip/shop/main.py", "user"),
        (f"{SITE}/bundle.zip/lib/core.py", "library"),
        ("<frozen importlib._bootstrap>", "stdlib"),
        ("<string>", "stdlib"),
        ("<stdin>", "stdlib"),
        ("/usr/lib/python3.12/asyncio/tasks.py", "stdlib"),
        ("/opt/python/lib/python3.13t/queue.py", "stdlib"),
        ("uvloop/loop.pyx", "library"),
        ("/venv/bin/uvicorn", "library"),
        ("/app/bin/serve.py", "user"),
        ("...", "cut"),
    ],
)
def test_by_its_path(file: str, whose: str) -> None:
    assert origin(file) == whose


def test_an_installed_package_is_the_users_when_the_agent_says_so() -> None:
    own = Owner(own=(f"{SITE}/shop/", f"{SITE}/tools.py"))
    assert origin(f"{SITE}/shop/main.py", own) == "user"
    assert origin(f"{SITE}/tools.py", own) == "user"
    assert origin(f"{SITE}/shopping/main.py", own) == "library"


def test_a_relative_file_in_a_folder_was_compiled_elsewhere_where_files_are_absolute() -> None:
    modern = Owner(absolute=True)
    assert origin("aiohttp/_websocket/reader_py.py", modern) == "library"
    assert origin("shop.py", modern) == "user"
    assert origin("src/shop.py", Owner()) == "user"  # a Python 3.8 main script
