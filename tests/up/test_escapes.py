"""Whatever a folder, a file, a command or a key is called: no command writes it to the terminal as it is."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from supervisor.cli.app import app
from tests.support.foreign import KINDS, raw
from tests.support.processes import PATIENCE, SUPERVISOR, run
from tests.up.fleet import Up, command, environment

COMMANDS = [one.name or one.callback.__name__ for one in app.registered_commands if one.callback is not None]
# A name of a file may hold everything but these two.
ALL = "".join(text for kind, text in KINDS.items() if kind != "nul")
# A comment ends where a line does, and is UTF-8.
COMMENT = "".join(char for char in ALL if not (char + "x").splitlines()[1:] and char != "\udcff")
# Ends on SIGTERM; what it leaves behind ignores it, under a name of its own.
LEAVING = """\
import signal, subprocess, sys, time
subprocess.Popen(["/bin/sh", "-c", "trap '' TERM; echo ready; sleep 1000; :", sys.argv[1]])
signal.signal(signal.SIGTERM, lambda *_: sys.exit(3))
time.sleep(1000)
"""
NAMED = """\
import asyncio, threading, sys, time
async def wait():
    try: await asyncio.sleep(1000)  # {comment}
    except asyncio.CancelledError: await asyncio.sleep(1000)
async def main():
    task = asyncio.create_task(wait(), name=sys.argv[1])
    threading.Thread(target=time.sleep, args=(1000,), name=sys.argv[1]).start()
    asyncio.get_running_loop().add_signal_handler(15, task.cancel)
    print("ready", flush=True)
    await task
asyncio.run(main())
"""


def _text(data: bytes) -> str:
    return data.decode(errors="surrogateescape")


def test_run(tmp_path: Path) -> None:
    """Its report on the terminal, as Markdown and as JSON; what the command itself prints is untouched."""
    text = ALL
    report = tmp_path / f"r{text}.md"
    argv = [os.fsencode(word) for word in (SUPERVISOR, "run", "-v", "--report", str(report), "--report",
            str(tmp_path / "r.json"), "--", "printf", "%s", text)]  # fmt: skip
    done = subprocess.run(argv, capture_output=True, timeout=PATIENCE, check=False)
    assert (done.returncode, _text(done.stdout)) == (0, text)
    for said in (_text(done.stderr), report.read_text(), (tmp_path / "r.json").read_text()):
        assert raw(said) == []
    json.loads((tmp_path / "r.json").read_text())


def test_a_fleet_and_the_commands_that_speak_to_it(tmp_path: Path) -> None:
    folder = tmp_path / f"f{ALL}"
    folder.mkdir()
    (folder / "named.py").write_bytes(os.fsencode(NAMED.format(comment=COMMENT)))
    config = (
        '[defaults]\nstop.escalation = "TERM/0.4/KILL"\n'
        f'[worker.left]\ncommand = ["{sys.executable}", "-c", {json.dumps(LEAVING)}, "${{WEIRD}}"]\n'
        f'[worker.named]\ncommand = ["{sys.executable}", "${{FOLDER}}/named.py", "${{WEIRD}}"]\n'
        '[worker.gone]\ncommand = ["gone${WEIRD}"]\nrestart = "never"\n'
    )
    with Up(tmp_path, config, "--report", "r.md", env={"WEIRD": ALL, "FOLDER": str(folder)}) as fleet:
        fleet.saw("left       | ready", "named      | ready")
        pid = fleet.state()["named"]["pid"]
        for words in (
            ("status",), ("status", "--json"), ("stop", ALL), ("status", "--fleet", ALL), ("explain", str(pid)),
            ("explain", str(pid), "--json"), ("top",), ("stop", "-c", f"gone{ALL}"),
        ):  # fmt: skip
            done = command(tmp_path, *words, errors="surrogateescape")
            assert raw(done.stdout + done.stderr) == [], words
        fleet.ended()
        text = fleet.stderr
        assert raw(text) == []
        assert r"\x1b]0;PWNED\x07" in text and "slow-task" in text, "they were told"
        assert raw((tmp_path / "r.md").read_text()) == []


def test_a_drill_and_what_was_recorded_of_it(tmp_path: Path) -> None:
    history = str(tmp_path / f"h{ALL}.db")
    recorded = ("--history", history)
    program = ("--", "sh", "-c", "trap 'echo bye >&2; exit 3' TERM; while :; do sleep 0.1; done", ALL)
    report = str(tmp_path / f"r{ALL}.md")
    for words in (
        ("drill", "-n", "1", "--warmup", "0", "--tag", ALL, "--report", report, *recorded, *program),
        ("history", *recorded), ("history", "--json", *recorded), ("history", "export", *recorded),
        ("report", "last", *recorded), ("report", "last", "--json", *recorded), ("report", ALL, *recorded),
        ("compare", "last:1", "last:1", *recorded), ("compare", f"tag={ALL}", ALL, *recorded),
        ("compare", "last:1", "last:1", "--json", *recorded),
    ):  # fmt: skip
        done = command(tmp_path, *words, errors="surrogateescape")
        assert raw(done.stdout + done.stderr) == [] and "Traceback" not in done.stderr, words
        if words[0] == "drill":
            assert "1 run" in done.stdout, done.stderr
    assert raw(Path(report).read_text()) == []


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_that_is_there_and_words_that_it_does_not_know(name: str, tmp_path: Path) -> None:
    text = ALL
    for words in ((text, text, text), (f"--{text}",), ("-c", text)):
        done = command(tmp_path, name, *words, errors="surrogateescape")
        said = done.stdout + done.stderr
        assert done.returncode != 0 and raw(said) == [] and "Traceback" not in said, (name, words, said)


def test_configs(tmp_path: Path) -> None:
    """Wrong files, in a folder with such a name, and wrong words on the command line."""
    text = ALL
    folder = tmp_path / f"f{text}"
    folder.mkdir()
    toml = "".join(f"\\U{ord(char):08x}" for char in text.replace("\udcff", ""))
    (folder / "supervisor.toml").write_text(f'[worker."{toml}"]\ncommand = "{toml}"\n"{toml}" = 1\ncwd = "{toml}"\n')
    (folder / f"{text}.toml").write_text('[worker.a]\ncommand = "true"\nx = 1\n')
    (folder / "Procfile").write_bytes(b"web: " + os.fsencode(text).replace(b"\n", b" ") + b"\n: x\n")
    for words in (
        ("check",), ("check", "--json"), ("check", f"{text}.toml"), ("check", "Procfile"), ("up",),
        ("up", "-c", f"{text}.toml"), ("up", text), ("init", f"{text}.toml"), ("init", f"new{text}.toml"),
        ("init", f"gone{text}/x.toml"), ("run", "--grace", text, "--", "true"), ("run", "--", text),
        ("run", "--escalation", text, "--", "true"), ("run", "--rewrite", text, "--", "true"), ("schema",),
        ("run", "--report", f"gone{text}/x.json", "--", "true"), ("up", "--report", f"gone{text}/x.md"),
        ("run", "--color", text, "--", "true"), ("explain", text), ("nonsense" + text,),
    ):  # fmt: skip
        done = command(folder, *words, errors="surrogateescape")
        said = done.stdout + done.stderr
        assert raw(said) == [] and "Traceback" not in said, (words, said)


def test_an_environment_that_names_an_option(tmp_path: Path) -> None:
    code, _, err = run(["true"], env=environment(tmp_path, SIGDRAIN_GRACE=ALL))
    assert code == 2 and raw(err) == []
