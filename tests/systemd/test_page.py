"""docs/systemd.md, tried as the owner of a service would: its units, as they stand there, on a real systemd."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.support.processes import SUPERVISOR, until

if TYPE_CHECKING:
    from tests.support.systemd import Bed

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/systemd.md").read_text()
BLOCKS = dict(re.findall(r"```(?:ini|toml)\n# ([^\n]+)\n(.*?)```", PAGE, re.DOTALL))
HOME = "/srv/shop"
STANDS_IN = f'#!/bin/sh\nexec {sys.executable} {Path(__file__).with_name("uvicorn.py")} "$@"\n'
APP = """
import asyncio

async def app(scope, receive, send):
    assert scope["type"] == "http"
    if scope["path"] == "/slow":
        await asyncio.sleep(3)
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"hello"})
"""
RELOADS = """
import signal
signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGHUP})
print("may be asked", flush=True)
while True:
    print("reloaded", signal.sigwaitinfo({signal.SIGHUP}).si_signo, flush=True)
"""


class Owner:
    """Who has the service: the files of its folder, and the commands of the page."""

    def __init__(self, bed: Bed, uvicorn: str = STANDS_IN) -> None:
        self.bed = bed
        for name, text in {"app.py": APP, "reloads.py": RELOADS, "mailer.py": "import time; time.sleep(600)"}.items():
            bed.write(f"{HOME}/{name}", text)
        bed.write(f"{HOME}/supervisor.toml", BLOCKS["supervisor.toml"])
        bed.write(f"{HOME}/.venv/bin/uvicorn", uvicorn)
        bed("chmod", "+x", f"{HOME}/.venv/bin/uvicorn")
        bed("ln", "-sf", SUPERVISOR, f"{HOME}/.venv/bin/supervisor")
        bed.write(f"{HOME}/.venv/bin/python", f'#!/bin/sh\nexec {sys.executable} "$@"\n')
        bed("chmod", "+x", f"{HOME}/.venv/bin/python")

    def unit(self, block: str) -> str:
        """Put a unit of the page in place, as `systemctl daemon-reload && systemctl restart` follows; its name."""
        name = block.partition(",")[0]
        self.bed.unit(name, BLOCKS[block])
        self.bed("systemctl", "restart", name)
        return name

    def ask(self, path: str = "/") -> str:
        """What the service answers, by the shell's own means."""
        script = f"exec 3<>/dev/tcp/127.0.0.1/8000 && printf 'GET {path} HTTP/1.0\\r\\n\\r\\n' >&3 && cat <&3"
        return self.bed("bash", "-c", script, check=False)

    def status(self, name: str) -> str:
        """The line of `systemctl status` that is the service's own."""
        lines = self.bed("systemctl", "status", name, check=False).splitlines()
        return next((line.strip() for line in lines if "Status:" in line), "")

    def stop(self, name: str) -> None:
        self.bed("systemctl", "stop", name)
        assert self.bed.show(name, "Result", "ActiveState") == {"Result": "success", "ActiveState": "inactive"}


def move_over(owner: Owner) -> None:
    """All of "Move a service over"."""
    name = owner.unit("shop.service, before")
    until(lambda: "hello" in owner.ask(), "the service as it was answers")
    assert owner.status(name) == ""
    owner.unit("shop.service, first step")
    until(lambda: "hello" in owner.ask(), "it answers after the first step")
    until(lambda: owner.status(name) == 'Status: "running"', "the status line")
    owner.unit("shop.service, second step")
    assert "hello" in owner.ask(), "started means ready"
    # A request that takes 3 s is in flight when the service is stopped: the status says what the drain waits for.
    script = "exec 3<>/dev/tcp/127.0.0.1/8000 && printf 'GET /slow HTTP/1.0\\r\\n\\r\\n' >&3 && cat <&3"
    with owner.bed.popen("bash", "-c", script) as asking:
        until(lambda: owner.bed("ss", "-Htn", "state", "established", "sport", "=", ":8000"), "the request is there")
        with owner.bed.popen("systemctl", "stop", name) as stopping:
            until(lambda: "draining: waits for" in owner.status(name), f"not only {owner.status(name)}")
            shown = owner.status(name)
            stopping.communicate(timeout=30)
        answer, _ = asking.communicate(timeout=30)
    assert re.search(r"waits for .* at \S+\.py:\d+", shown), shown
    assert "SIGKILL in" in shown
    assert "hello" in answer, "the request was answered all the same"
    assert owner.bed.show(name, "Result")["Result"] == "success"


def test_a_service_is_moved_over(bed: Bed) -> None:
    move_over(Owner(bed))


@pytest.mark.outside
def test_a_service_of_the_real_uvicorn_is_moved_over(bed: Bed) -> None:
    python = os.environ.get("SIGDRAIN_WILD_PYTHON")
    if python is None:
        pytest.skip("needs SIGDRAIN_WILD_PYTHON, an interpreter with uvicorn")
    move_over(Owner(bed, f'#!/bin/sh\nexec {python} -m uvicorn "$@"\n'))


def test_a_fleet_as_one_service(bed: Bed) -> None:
    owner = Owner(bed)
    name = owner.unit("shop-fleet.service")
    assert "hello" in owner.ask(), "started means ready"
    until(lambda: owner.status(name) == 'Status: "2 of 2 running"', "the status line")
    owner.stop(name)


def test_a_reload(bed: Bed) -> None:
    name = Owner(bed).unit("shop-reload.service")
    until(lambda: "may be asked" in bed.journal(name), "before that SIGHUP would end it")
    bed("systemctl", "reload", name)
    until(lambda: "reloaded 1" in bed.journal(name), "the command was asked")
    assert bed.show(name, "ActiveState")["ActiveState"] == "active"
    bed("systemctl", "stop", name)


def test_the_units_in_configs_are_those_of_the_page() -> None:
    for block, file in (("shop.service, second step", "shop.service"), ("shop-fleet.service", "shop-fleet.service")):
        assert (ROOT / "configs/systemd" / file).read_text() == BLOCKS[block]
