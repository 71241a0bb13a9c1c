"""Shell completion: options, choices, names of workers and fleets. Without typer and rich, whose import takes longer
than a person waits for a Tab. Speaks the protocol of the scripts that `supervisor --install-completion` writes.

What cannot be known (no fleet runs, the config is broken) completes to nothing, and the shell offers files.
"""

from __future__ import annotations

import os

from supervisor.cli.measuring import COMPARE, DRILL, HISTORY, RECORDED
from supervisor.cli.options import CHECK, DEMO, EXPLAIN, RUN, STATUS, STOP, TOP, UP

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from typing import TypeAlias

    from supervisor.cli.options import Option
    from supervisor.system.control.place import Running

    Item: TypeAlias = tuple[str, str]  # what may be typed, and what it means
    Names: TypeAlias = Callable[[dict[str, str]], list[str]]

# Shells call us at each Tab; a fleet that does not answer in this time has no names, seconds.
PATIENCE = 0.3
SHELLS = ("complete_bash", "complete_zsh", "complete_fish")


def asked(environ: Mapping[str, str]) -> str:
    """Return which shell asks for completion; empty when none does."""
    kind = environ.get("_SUPERVISOR_COMPLETE") or environ.get("_SIGDRAIN_COMPLETE") or ""
    return kind if kind in SHELLS else ""


def complete(kind: str, environ: Mapping[str, str]) -> int:
    """Print what may follow; the exit code. Never complains: the person is typing."""
    import sys

    try:
        words, begun = _line(kind, environ)
        found = [item for item in candidates(words, begun) if item[0].startswith(begun)]
    except Exception:
        found = []  # a Tab at a bad moment must not write into somebody's command line
    if kind == "complete_fish" and environ.get("_TYPER_COMPLETE_FISH_ACTION") == "is-args":
        return 0 if found else 1
    text = {"complete_bash": _bash, "complete_zsh": _zsh, "complete_fish": _fish}[kind](found)
    if text:
        sys.stdout.write(text + "\n")
    return 0


def candidates(words: Sequence[str], begun: str) -> list[Item]:
    """Return what may follow these complete words (without `supervisor`), when ``begun`` of the next is typed."""
    if not words:
        return [("--help", ""), ("--version", "")] if begun.startswith("-") else [(name, "") for name in COMMANDS]
    if words[0] not in COMMANDS:
        return []
    table, names = COMMANDS[words[0]]
    by_name = {name: option for option in table for name in option.names}
    values: dict[str, str] = {}
    behind: list[str] = []
    waiting: Option | None = None
    for word in words[1:]:
        if word == "=" and waiting is not None:
            continue  # bash takes --color=auto for three words
        option = by_name.get(word.partition("=")[0])
        if waiting is not None:
            values[waiting.key], waiting = word, None
        elif word == "--" or (behind and words[0] == "run"):
            behind.append(word)
        elif option is not None and not option.flag and "=" not in word:
            waiting = option
        elif option is not None:
            values[option.key] = word.partition("=")[2]
        else:
            behind.append(word)
    if waiting is not None:
        return _values(waiting)
    if behind and words[0] == "run":
        return []  # the words of a command that is not ours
    if begun.startswith("-"):
        free = [one for one in table if not one.hidden and (one.many or one.key not in values)]
        return [(option.names[-1], option.help) for option in free] + [("--help", "")]
    return [(name, "") for name in names(values) if name not in behind]


def _values(option: Option) -> list[Item]:
    if option.choices:
        return [(choice, "") for choice in option.choices]
    return [(name, "") for name in _fleets({})] if option.key == "fleet" else []


# ------------------------------------------------------------------ names


def _none(_values: dict[str, str]) -> list[str]:
    return []


def _running() -> list[Running]:
    from supervisor.system.control import place

    return place.running(os.environ)


def _fleets(_values: dict[str, str]) -> list[str]:
    fleets = _running()
    names = [fleet.name for fleet in fleets]
    return [fleet.name if names.count(fleet.name) == 1 else fleet.key for fleet in fleets]


def _workers_running(values: dict[str, str]) -> list[str]:
    """Return names and titles of the workers of the fleet that the command is about."""
    from supervisor.config import places
    from supervisor.core.contract.requests import Status
    from supervisor.runs import whose
    from supervisor.system.control.client import ask

    folder, fleets = places.working_folder(), _running()
    if "fleet" in values:
        fleet = whose.named(fleets, values["fleet"])
    elif config := values.get("config") or os.environ.get("SIGDRAIN_CONFIG"):
        fleet = whose.of_config(fleets, config, folder)
    else:
        fleet, _ = whose.here(fleets, folder, places.find)
    workers = ask(fleet.socket, Status(), PATIENCE)["workers"]
    return list(dict.fromkeys(name for worker in workers for name in (worker["worker"], worker["title"])))


def _workers_of_config(values: dict[str, str]) -> list[str]:
    """Return the names of the workers in the config, as far as it can be read."""
    from supervisor.config import places

    config = values.get("config") or os.environ.get("SIGDRAIN_CONFIG") or places.find(places.working_folder())
    if config is None:
        return []
    with open(config, encoding="utf-8") as file:
        text = file.read(1 << 20)
    if os.path.basename(config).lower().startswith("procfile"):
        return [line.partition(":")[0] for line in text.splitlines() if ":" in line and not line.startswith("#")]
    import tomllib

    found = tomllib.loads(text)
    for part in places.PYPROJECT if os.path.basename(config) == "pyproject.toml" else ():
        found = found[part]
    return list(found["worker"])


def _verbs(_values: dict[str, str]) -> list[str]:
    return ["export", "merge", "prune"]


def _workers_to_drill(values: dict[str, str]) -> list[str]:
    """Return the workers of the config that is named; without one a command is drilled, whose words are not ours."""
    return _workers_of_config(values) if "config" in values else []


COMMANDS: dict[str, tuple[Sequence[Option], Names]] = {
    "run": (RUN, _none),
    "up": (UP, _workers_of_config),
    "drill": (DRILL, _workers_to_drill),
    "history": (HISTORY, _verbs),
    "report": (RECORDED, _none),
    "compare": (COMPARE, _none),
    "demo": (DEMO, _none),
    "status": (STATUS, _none),
    "stop": (STOP, _workers_running),
    "top": (TOP, _none),
    "check": (CHECK, _none),
    "schema": ((), _none),
    "init": ((), _none),
    "explain": (EXPLAIN, _none),
}


# ------------------------------------------------------------------ shells


def _line(kind: str, environ: Mapping[str, str]) -> tuple[list[str], str]:
    """Return the complete words of the command line behind `supervisor`, and the word that is being typed."""
    if kind == "complete_bash":
        words = _split(environ["COMP_WORDS"])
        at = int(environ["COMP_CWORD"])
        begun = words[at] if at < len(words) else ""
        return words[1:at], "" if begun == "=" else begun
    line = environ.get("_TYPER_COMPLETE_ARGS", "")
    words = _split(line)[1:]
    return (words, "") if not words or line.endswith(" ") else (words[:-1], words[-1])


def _split(line: str) -> list[str]:
    """Return the words of an unfinished command line, in which a quote may be open still."""
    import shlex

    for end in ("", '"', "'"):
        try:
            return shlex.split(line + end)
        except ValueError:
            continue
    return line.split()


def _bash(found: Sequence[Item]) -> str:
    return "\n".join(value for value, _ in found)


def _fish(found: Sequence[Item]) -> str:
    return "\n".join(f"{value}\t{' '.join(meaning.split())}".rstrip() for value, meaning in found)


def _zsh(found: Sequence[Item]) -> str:
    if not found:
        return "_files"
    shown = "\n".join(
        f'"{_quoted(value)}"' + (f':"{_quoted(meaning)}"' if meaning else "") for value, meaning in found
    )
    return f"_arguments '*: :(({shown}))'"


def _quoted(text: str) -> str:
    """Return text as the shell's script expects it, which evaluates what we print."""
    for char, written in (('"', '""'), ("'", "''"), ("$", "\\$"), ("`", "\\`"), (":", "\\\\:")):
        text = text.replace(char, written)
    return text
