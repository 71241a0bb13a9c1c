"""Bad input of every kind, from a random generator: configs, Procfiles, env files, command lines, requests. Pure."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

from supervisor.agent.wire import EVENTS, FRAME

ROOT = Path(__file__).parents[2]

# Texts that a terminal, a parser or the kernel may stumble over.
NASTY = (
    "", " ", "\t", "a\nb", "\x1b[31mred", "\x1b]0;title\x07", "\x9b31m", "\x85", "\u202egpj.exe", "\u2066x\u2069",
    "\x00", "\x7f", "é" * 300, "𝄞", "-", "--", "-1", "--help", "/", "//", "..", "../" * 60, "/dev/null", "/dev/full",
    "~",
    "~nobody/x", "$", "${", "${X", "${HOME}", "{port}", "{instance}", "{", "}", "%s%n", "'", '"', "\\", "`id`",
    "$(id)", ";", "#", "=", "a=b", "0", "00", "-0", "1e999", "nan", "inf", "-inf", "1_000", "0x10", "٣", "²",
    "9" * 5000,
    "-" + "9" * 5000, "0." + "3" * 5000, "1" + "0" * 400, "2147483648", "4294967296", "18446744073709551616", "TERM",
    "SIGTERM", "sigterm", "KILL", "TERM/", "/TERM", "TERM/5", "TERM/5/KILL/3", "TERM/-1/KILL", "TERM/nan/KILL",
    "TERM/1e400/KILL", "TERM/10/INT/5/KILL", "/" * 4000, "TERM/1/" * 300 + "KILL", "RTMIN+3", "RTMAX+99", "65",
    "TERM:0", "TERM:", ":", "TERM:INT:HUP", "none", "x" * 70_000,
)  # fmt: skip

Draw = random.Random


def config(draw: Draw) -> bytes:
    """A TOML config that was whole once: keys of the reference, with values that somebody else meant."""
    lines = [_uncommented(line) for line in _reference()]
    lines = [line for line in lines if draw.random() < 0.5 or line.startswith("[")]
    for _ in range(draw.randint(0, 4)):
        index = draw.randrange(len(lines) + 1)
        key = lines[index].partition("=")[0].strip() if index < len(lines) else "key"
        lines[index : index + draw.randint(0, 1)] = [f"{key} = {_toml(draw)}"]
    return _spoilt(draw, "\n".join(lines).encode(errors="surrogatepass"))


def procfile(draw: Draw) -> bytes:
    """A Procfile."""
    lines = [f"{draw.choice(('web', 'api', *NASTY))}: {draw.choice(('python x.py', *NASTY))}" for _ in range(3)]
    return _spoilt(draw, "\n".join(lines).encode(errors="surrogatepass"))


def envfile(draw: Draw) -> bytes:
    """A file of KEY=VALUE lines."""
    quote = draw.choice(("", '"', "'"))
    lines = [f"{draw.choice(('A', 'export B', *NASTY))}={quote}{draw.choice(NASTY)}{quote}" for _ in range(4)]
    return _spoilt(draw, "\n".join(lines).encode(errors="surrogatepass"))


def command_line(draw: Draw) -> list[str]:
    """Words after `supervisor`. What they start, if anything, ends at once, inside of its folder."""
    options = {
        "run": "--escalation --grace -g --stop-signal --rewrite -r --child-only -c --leftovers --signal-exit "
        "--report --verbose -v --quiet -q --json --color -C --cwd --parent-death --subreaper --no-agent",
        "up": "-c --config --dashboard --no-prefix --log-format -d --report -v -q --json --color",
        "status": "--fleet -c --json",
        "stop": "--fleet -c --json --now",
        "check": "-c --json",
        "schema": "",
        "explain": "--seconds --json --color",
        "nonsense": "--x",
    }
    name = draw.choice(list(options))
    words = [name] if draw.random() < 0.97 else [draw.choice(NASTY)]
    for _ in range(draw.randint(0, 3)):
        option = draw.choice([*options[name].split(), "--unknown", "--"])
        words += [option] if draw.random() < 0.3 else [option, draw.choice(_harmless())]
    if name == "run" and draw.random() < 0.7:
        words += ["--", "true"]
    return [word.replace("\x00", "?") for word in words]  # execve(2) takes no NUL


def variables(draw: Draw) -> dict[str, str]:
    """Options from the environment."""
    names = (
        "ESCALATION GRACE STOP_SIGNAL REWRITE LEFTOVERS SIGNAL_EXIT REPORT COLOR CWD PARENT_DEATH SUBREAPER CONFIG"
    )
    chosen = draw.sample(names.split(), draw.randint(0, 2))
    return {f"SIGDRAIN_{name}": draw.choice(_harmless()).replace("\x00", "") for name in chosen}


def request(draw: Draw) -> bytes:
    """A line for the control socket: nearly right, or anything. Never one that stops the fleet."""
    if draw.random() < 0.15:
        return bytes(draw.randrange(256) for _ in range(draw.randint(0, 200))).replace(b"stop", b"") + b"\n"
    asked: dict[Any, Any] = {"v": 1, "do": draw.choice(("status", "explain", "watch", "explain", *NASTY[:20]))}
    for _ in range(draw.randint(0, 4)):
        asked[draw.choice(("v", "id", "pid", "since", "workers", "log", "now", *NASTY[:20]))] = _json(draw)
    if asked.get("do") in ("stop", "watch") and draw.random() < 0.9:
        asked["do"] = "status"
    text = json.dumps(asked)
    return (text[: draw.randrange(len(text))] if draw.random() < 0.1 else text).encode() + b"\n"


def said(draw: Draw) -> dict[str, Any]:
    """A message of an agent, of the right shape and untrue, or not quite of that shape."""
    event = draw.choice(sorted(EVENTS))
    fields = {name: _shaped(draw, shape) for name, shape in EVENTS[event].items() if draw.random() < 0.9}
    if draw.random() < 0.1:
        fields[draw.choice([*fields, "x"])] = _json(draw)
    return {"v": 1, "ev": event, **fields}


# -------------------------------------------------------------------- parts


def _reference() -> list[str]:
    return (ROOT / "configs/reference.toml").read_text().splitlines()


def _uncommented(line: str) -> str:
    bare = line.removeprefix("# ")
    return (
        bare if "=" in bare.partition("#")[0] and bare.split("=")[0].strip().replace(".", "").isidentifier() else line
    )


def _toml(draw: Draw) -> str:
    text = json.dumps(draw.choice(NASTY)).replace("\\u202e", "\u202e")
    depth = draw.choice((1, 3, 2000))
    return draw.choice(
        (text, f"'''{draw.choice(NASTY)}'''", f"[{text}, 1]", "[" * depth + "1" + "]" * depth, f"{{ a = {text} }}",
         "9" * draw.choice((1, 20, 5000)), "-1", "0", "1e999", "nan", "true", "1979-05-27T07:32:00Z", "07:32:00",
         "0xFF", "", "]", "\\", draw.choice(NASTY))
    )  # fmt: skip


def _spoilt(draw: Draw, data: bytes) -> bytes:
    """Bytes as an editor, a network or a cat on the keyboard leaves them."""
    ways: tuple[Callable[[bytes], bytes], ...] = (
        lambda text: text,
        lambda text: text,
        lambda text: b"\xef\xbb\xbf" + text,
        lambda text: text.replace(b"\n", b"\r\n"),
        lambda text: text[: draw.randrange(len(text) + 1)],
        lambda text: text.decode(errors="replace").encode("utf-16"),
        lambda text: text + bytes(draw.randrange(256) for _ in range(20)),
        lambda text: text.replace(b"=", bytes([draw.randrange(256)]), 1),
    )
    return draw.choice(ways)(data)


def _harmless() -> list[str]:
    """Values for options that name files too: none leads out of the folder."""
    return [text for text in NASTY if not text.startswith(("../", "~", "/")) or text in ("/dev/null", "/dev/full")]


def _json(draw: Draw, depth: int = 0) -> Any:
    ways: list[Callable[[], Any]] = [
        lambda: None,
        lambda: draw.choice((True, False)),
        lambda: draw.choice((0, 1, -1, 2**31, 2**63, -(2**70), 10**400)),
        lambda: draw.choice((0.5, -1e308, float("nan"), float("inf"))),
        lambda: draw.choice(NASTY[:-1]),
        lambda: draw.choice(NASTY[:-1]),
    ]
    if depth < 3:
        ways.append(lambda: [_json(draw, depth + 1) for _ in range(draw.randint(0, 3))])
        ways.append(lambda: {draw.choice(NASTY[:20]): _json(draw, depth + 1) for _ in range(draw.randint(0, 3))})
    return draw.choice(ways)()


def _shaped(draw: Draw, shape: Any) -> Any:
    if draw.random() < 0.05:
        return None
    if shape is FRAME:
        files = ("/etc/shadow", "/proc/self/environ", "/dev/zero", "fifo", __file__, "w.py", *NASTY[:12])
        return [draw.choice(files), draw.choice((0, 1, 12, 2**40)), draw.choice(("main", *NASTY[:14]))]
    if isinstance(shape, list):
        return [_shaped(draw, shape[0]) for _ in range(draw.choice((0, 1, 1, 2, 5)))]
    if isinstance(shape, dict):
        return {name: _shaped(draw, inner) for name, inner in shape.items() if draw.random() < 0.9}
    if shape is bool:
        return draw.random() < 0.5
    if shape is int:
        return draw.choice((0, 1, 2, 7, 9, 15, 100, -1, 2**31, 2**53))
    if shape is float:
        return draw.choice((0.0, 0.01, 0.2, 1.0, 60.0, -1.0, 1e9))
    return draw.choice(("sleep", "event", "python", "loop-close", "cancelled", "executor", "busy", *NASTY[:14]))
