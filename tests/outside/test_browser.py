"""A page of a drill in headless Chromium: it is drawn, says nothing on the console, and asks nobody for anything."""

from __future__ import annotations

import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest

from tests.views.test_html import ORIGIN, drilled

if TYPE_CHECKING:
    from pathlib import Path

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
pytestmark = [
    pytest.mark.outside,
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium here: apt install chromium"),
]


def browser(folder: Path, *argv: str) -> subprocess.CompletedProcess[str]:
    assert CHROMIUM is not None
    return subprocess.run(
        [CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", "--enable-logging=stderr", "--v=0",
         f"--user-data-dir={folder / 'profile'}", "--proxy-server=127.0.0.1:1", *argv],
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip


@pytest.mark.parametrize("width", [400, 1400])
def test_a_page_is_drawn_without_a_word(tmp_path: Path, width: int) -> None:
    from supervisor.views import html

    page = tmp_path / "drill.html"
    page.write_text(html.drill(ORIGIN, drilled(20)))
    done = browser(tmp_path, f"--window-size={width},1200", "--dump-dom", page.as_uri())
    assert "run 20" in done.stdout and "What to do:" in done.stdout
    assert "CONSOLE" not in done.stderr, done.stderr
    picture = tmp_path / "page.png"
    browser(tmp_path, f"--window-size={width},1200", f"--screenshot={picture}", page.as_uri())
    assert picture.stat().st_size > 20_000, "an empty page is smaller"


def test_what_opens_needs_no_script(tmp_path: Path) -> None:
    """A fragment in an open ``<details>`` is laid out; Chromium opens one on its own when it is the link's target."""
    from supervisor.views import html

    text = html.drill(ORIGIN, drilled(3)).replace("<details>", "<details open>", 1)
    page = tmp_path / "drill.html"
    page.write_text(text)
    shown = browser(tmp_path, "--dump-dom", page.as_uri()).stdout
    assert "<details open" in shown
    closed = tmp_path / "closed.png"
    opened = tmp_path / "opened.png"
    page.write_text(html.drill(ORIGIN, drilled(3)))
    browser(tmp_path, "--window-size=800,2000", f"--screenshot={closed}", page.as_uri())
    page.write_text(text)
    browser(tmp_path, "--window-size=800,2000", f"--screenshot={opened}", page.as_uri())
    assert closed.read_bytes() != opened.read_bytes(), "what is inside is seen when it is open"
