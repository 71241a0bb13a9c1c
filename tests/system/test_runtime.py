"""The folder of a running fleet: one holder at a time, wherever it lies."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from supervisor.errors import ControlError, SupervisorError
from supervisor.system.control import place


def test_one_holder_at_a_time(tmp_path: Path) -> None:
    env = {"XDG_RUNTIME_DIR": str(tmp_path)}
    assert place.running(env) == []
    first = place.Folder("shop", env)
    assert (place.running(env), place.holder(first.path)) == (["shop"], os.getpid())
    with pytest.raises(ControlError, match=f"already running .pid {os.getpid()}."):
        place.Folder("shop", env)
    other = place.Folder("other", env)
    first.close()
    assert place.running(env) == ["other"] and not os.path.exists(first.path)
    place.Folder("shop", env).close()
    other.close()


def test_a_race_for_the_lock_has_one_winner_at_a_time(tmp_path: Path) -> None:
    """Processes that lock and unlock as fast as they can, beside one that only looks: never two inside."""
    program = (
        "import os, sys\nfrom supervisor.errors import SupervisorError\nfrom supervisor.system.control import place\n"
        "env = {'XDG_RUNTIME_DIR': sys.argv[1]}\nwon = 0\n"
        "for _ in range(400):\n"
        "    place.running(env)\n"
        "    try:\n        folder = place.Folder('shop', env)\n"
        "    except SupervisorError as error:\n"
        "        assert 'already running' in error.message, error.message\n        continue\n"
        "    os.close(os.open(sys.argv[1] + '/inside', os.O_CREAT | os.O_EXCL))\n"
        "    os.unlink(sys.argv[1] + '/inside')\n    won += 1\n    folder.close()\n"
        "print(won)"
    )
    racers = [
        subprocess.Popen([sys.executable, "-c", program, str(tmp_path)], stdout=subprocess.PIPE, text=True)
        for _ in range(3)
    ]
    won = [int(racer.communicate(timeout=60)[0] or -1) for racer in racers]
    assert [racer.returncode for racer in racers] == [0, 0, 0]
    assert sum(won) > 0


def test_what_is_in_the_way_of_the_socket(tmp_path: Path) -> None:
    """No traceback, and the lock is let go: it can be mended and tried again."""
    env = {"XDG_RUNTIME_DIR": str(tmp_path)}
    (tmp_path / "sigdrain/shop/control").mkdir(parents=True)
    with pytest.raises(
        SupervisorError, match=r"cannot use the fleet's folder .*/sigdrain/shop: Is a directory"
    ) as found:
        place.Folder("shop", env)
    assert "remove what is in the way" in found.value.hint
    (tmp_path / "sigdrain/shop/control").rmdir()
    place.Folder("shop", env).close()


def test_where_it_lies(tmp_path: Path) -> None:
    assert place.base({"XDG_RUNTIME_DIR": str(tmp_path)}) == f"{tmp_path}/sigdrain"
    own = "/run/sigdrain" if os.geteuid() == 0 else f"/tmp/sigdrain-{os.geteuid()}"
    for useless in ({}, {"XDG_RUNTIME_DIR": "relative"}, {"XDG_RUNTIME_DIR": str(tmp_path / "gone")}):
        assert place.base(useless) == own
    deep = tmp_path / ("x" * 100)
    deep.mkdir()
    with pytest.raises(SupervisorError, match="too long"):
        place.socket_path("shop", {"XDG_RUNTIME_DIR": str(deep)})
