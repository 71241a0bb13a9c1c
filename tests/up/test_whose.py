"""Which fleet a command is about, and that none ends a fleet that nobody meant."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from contextlib import ExitStack
from pathlib import Path

import pytest

from supervisor.config import places
from supervisor.errors import ControlError
from supervisor.runs import whose
from supervisor.system.control import place
from supervisor.system.control.place import Running, key
from tests.support.processes import SUPERVISOR, until
from tests.up.fleet import Up, environment

WORKER = '[worker.w]\ncommand = "sleep 600"\n'


def running(name: str, config: str) -> Running:
    return Running(name, f"/run/sigdrain/{key(name, config)}", config, 7)


SHOP, COPY, BLOG = (
    running("shop", "/srv/shop/supervisor.toml"),
    running("shop", "/srv/copy/supervisor.toml"),
    running("blog", "/srv/blog/Procfile"),
)
FILES = ("/srv/shop/supervisor.toml", "/srv/copy/supervisor.toml", "/srv/idle/configs/supervisor.toml")


def find(folder: str) -> str | None:
    wanted = [f"{folder}/{place}" for place in places.PLACES]
    return next((path for path in wanted if path in FILES), None)


@pytest.mark.parametrize(
    ("folder", "fleets", "found"),
    [
        ("/srv/shop", [COPY, SHOP, BLOG], SHOP),
        ("/srv/shop/src/deep", [COPY, SHOP], SHOP),
        ("/srv/copy", [COPY, SHOP], COPY),
        ("/srv/blog", [SHOP, BLOG], BLOG),  # a Procfile is no place that is looked for, but its fleet runs here
        ("/srv/blog/src", [SHOP, BLOG], BLOG),
        ("/srv/idle", [running("x", "/srv/idle/other.toml")], running("x", "/srv/idle/other.toml")),
        ("/srv/idle", [running("x", "/srv/idle/configs/b.toml")], running("x", "/srv/idle/configs/b.toml")),
        ("/srv/shop", [SHOP, running("x", "/srv/shop/other.toml")], SHOP),
    ],
)
def test_the_fleet_of_a_folder(folder: str, fleets: list[Running], found: Running) -> None:
    assert whose.here(fleets, folder, find) == (found, False)


@pytest.mark.parametrize("folder", ["/srv/idle", "/srv/idle/src", "/srv/copy"])
def test_not_running_although_another_is(folder: str) -> None:
    with pytest.raises(ControlError) as error:
        whose.here([SHOP], folder, find)
    assert "supervisor.toml is not running" in error.value.message
    assert error.value.hint == ("start it with: supervisor up; running: shop (/srv/shop/supervisor.toml)")


def test_outside_of_any_project() -> None:
    """The only one that runs; also where the working folder was deleted."""
    for folder in ("/etc", "/", ""):
        assert whose.here([SHOP], folder, find) == (SHOP, True)
    with pytest.raises(ControlError, match="no fleet of yours is running"):
        whose.here([], "/etc", find)
    with pytest.raises(ControlError) as error:
        whose.here([SHOP, BLOG], "/etc", find)
    assert error.value.message == "this is no project's folder, and several fleets are running:"
    assert error.value.listed == (f"{SHOP.key}  {SHOP.config}", f"{BLOG.key}  {BLOG.config}")


def test_several_of_one_folder() -> None:
    several = [running("a", "/srv/idle/a.toml"), running("b", "/srv/idle/b.toml")]
    with pytest.raises(ControlError, match="several fleets of /srv/idle are running:"):
        whose.here(several, "/srv/idle", find)


def test_by_name() -> None:
    assert whose.named([SHOP, BLOG], "blog") == BLOG
    assert whose.named([SHOP, COPY], COPY.key) == COPY
    with pytest.raises(ControlError, match="are named 'shop':") as error:
        whose.named([SHOP, COPY], "shop")
    assert error.value.listed == (f"{SHOP.key}  {SHOP.config}", f"{COPY.key}  {COPY.config}")
    with pytest.raises(ControlError) as error:
        whose.named([SHOP], "blog")
    assert error.value.hint == "running: shop (/srv/shop/supervisor.toml)"


def test_by_config(tmp_path: Path) -> None:
    assert whose.of_config([SHOP, BLOG], "Procfile", "/srv/blog") == BLOG
    assert whose.of_config([SHOP, BLOG], "../shop/supervisor.toml", "/srv/blog") == SHOP
    (tmp_path / "link.toml").symlink_to("/srv/blog/Procfile")
    assert whose.of_config([SHOP, BLOG], "link.toml", str(tmp_path)) == BLOG
    with pytest.raises(ControlError, match=r"/srv/blog/shop\.toml is not running") as error:
        whose.of_config([SHOP], "shop.toml", "/srv/blog")
    assert error.value.hint.startswith("start it with: supervisor up -c shop.toml")


def test_no_hint_ends_a_fleet() -> None:
    """A hint is copied without much thought."""
    for ask in (
        lambda: whose.named([SHOP, COPY], "shop"),
        lambda: whose.named([SHOP], "blog"),
        lambda: whose.of_config([SHOP], "x.toml", "/srv"),
        lambda: whose.here([SHOP, BLOG], "/etc", find),
        lambda: whose.here([SHOP], "/srv/idle", find),
    ):
        with pytest.raises(ControlError) as error:
            ask()
        assert not {"stop", "down", "kill"} & set(error.value.hint.replace(":", " ").split())
        assert SHOP.key not in error.value.hint


# ------------------------------------------------------------------ with real fleets


def say(folder: Path, runtime: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    env = environment(folder) | {"XDG_RUNTIME_DIR": str(runtime)}
    return subprocess.run(
        [SUPERVISOR, *arguments], cwd=folder, env=env, capture_output=True, text=True, timeout=60, check=False
    )


def test_two_checkouts(tmp_path: Path) -> None:
    one, two, outside = tmp_path / "one", tmp_path / "two", tmp_path / "outside"
    for folder in (one, two, outside):
        folder.mkdir()
    runtime = tmp_path / "run"
    runtime.mkdir()
    env = {"XDG_RUNTIME_DIR": str(runtime)}
    named = f'[fleet]\nname = "shop"\n{WORKER}'
    (two / "supervisor.toml").write_text(named)
    with ExitStack() as stack:
        first = stack.enter_context(Up(one, named, env=env))
        until(lambda: say(one, runtime, "status").returncode == 0, "the first")
        assert say(two, runtime, "status").returncode == 1, "that of the other checkout is not meant"
        shown = say(outside, runtime, "status")
        # Root finds the fleets of the whole machine, and then it is not the only one that runs.
        if [fleet.config for fleet in place.running(env)] == [f"{one}/supervisor.toml"] or shown.returncode == 0:
            assert shown.returncode == 0
            assert shown.stderr == f"supervisor: no project here; this is the fleet shop of {one}/supervisor.toml\n"
        else:
            assert shown.returncode == 1 and f"{one}/supervisor.toml\n" in shown.stderr
        second = stack.enter_context(Up(two, named, env=env))
        until(lambda: say(two, runtime, "status").returncode == 0, "the second")
        both = say(outside, runtime, "stop", "--fleet", "shop")
        assert both.returncode == 1
        assert f"{one}/supervisor.toml\n" in both.stderr and f"{two}/supervisor.toml\n" in both.stderr
        assert say(outside, runtime, "stop").returncode == 1

        (one / "supervisor.toml").write_text("broken [")
        (one / "src").mkdir()
        stopped = say(one / "src", runtime, "stop")
        assert (stopped.returncode, stopped.stdout) == (0, "stopping w\n")
        assert first.wait() == 0
        assert second.process.poll() is None
        gone = say(one, runtime, "stop")
        assert gone.returncode == 1 and "is not running" in gone.stderr
        assert "stopping w" in say(outside, runtime, "stop", "-c", "../two/supervisor.toml").stdout
        assert second.wait() == 0


def test_another_file_here(tmp_path: Path) -> None:
    (tmp_path / "Procfile").write_text("w: sleep 600\n")
    with Up(tmp_path, WORKER, "-c", "Procfile") as fleet:
        until(lambda: say(tmp_path, tmp_path / "r", "status").returncode == 0, "it runs")
        known = json.loads(say(tmp_path, tmp_path / "r", "status", "--json").stdout)
        assert known["config"] == os.path.realpath(tmp_path / "Procfile")
        fleet.send(signal.SIGTERM)
        assert fleet.wait() == 0
