"""The tables of the commands' options, and the parser of the lean path. Typer's commands are built from the same.

The lean parser takes the plain forms only; whatever is unusual (help, a mistake, an abbreviation) goes to typer,
which accepts at least as much and prints the good error. A property test keeps the two equal.
"""

from __future__ import annotations

from supervisor.core.frozen import Frozen

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import TypeAlias

    Value: TypeAlias = "bool | str | tuple[str, ...] | None"
    Values: TypeAlias = dict[str, Value]


class Option(Frozen):
    """One option: ``flag`` takes no value; ``many`` may be given again; ``env`` names its environment variable.

    ``momentary``: it belongs to one call and has no such variable.
    """

    names: tuple[str, ...]
    help: str
    metavar: str = ""
    flag: bool = False
    many: bool = False
    choices: tuple[str, ...] = ()
    default: str | None = None
    panel: str = "Stopping"
    momentary: bool = False

    @property
    def key(self) -> str:
        """``--parent-death`` -> ``parent_death``."""
        return self.names[-1].lstrip("-").replace("-", "_")

    @property
    def env(self) -> str | None:
        """``SIGDRAIN_PARENT_DEATH``; the prefix SUPERVISOR_ belongs to supervisord."""
        return None if self.momentary else "SIGDRAIN_" + self.key.upper()


REPORT = Option(
    ("--report",),
    "Write the shutdown report; the suffix chooses the format: .json or .md. May be repeated.",
    "PATH",
    many=True,
    panel="Reporting",
)
RUN = (
    Option(
        ("--escalation",),
        "The ladder of signals and seconds, as in TERM/10/INT/5/KILL; none never escalates. [default: TERM/10/KILL]",
        "LADDER",
    ),
    Option(("-g", "--grace"), "Seconds after the stop signal until the next rung of the ladder.", "S"),
    Option(
        ("--stop-signal",),
        "Signal of the first rung, used when no signal asked for the stop; see also --rewrite.",
        "SIG",
    ),
    Option(
        ("-r", "--rewrite"),
        "Send another signal than the one received, as in TERM:INT; TERM:0 drops it. May be repeated.",
        "FROM:TO",
        many=True,
    ),
    Option(("-c", "--child-only"), "Signal the main process only, not its whole process group.", flag=True),
    Option(
        ("--leftovers",),
        "What to do with processes that outlive the main process: end them, signal them once, or leave them.",
        choices=("end", "signal", "leave"),
        default="end",
    ),
    Option(
        ("--signal-exit",),
        "When the command died of a signal: raise it on ourselves, exit with code 128+n, or auto (code as PID 1).",
        choices=("auto", "code", "raise"),
        default="auto",
    ),
    REPORT,
    Option(("-v", "--verbose"), "Report also after a clean end.", flag=True, panel="Reporting"),
    Option(("-q", "--quiet"), "Say nothing but errors.", flag=True, panel="Reporting"),
    Option(("--json",), "Report as JSON on stderr.", flag=True, panel="Reporting"),
    Option(
        ("--color",),
        "Colour the report.",
        choices=("auto", "always", "never"),
        default="auto",
        panel="Reporting",
    ),
    Option(("-C", "--cwd"), "Start the command in this folder.", "DIR", panel="Starting"),
    Option(
        ("--parent-death",),
        "Signal that the kernel sends the command when the supervisor itself dies. A set-user-ID program clears it.",
        choices=("TERM", "KILL", "off"),
        default="KILL",
        panel="Starting",
    ),
    Option(
        ("--subreaper",),
        "Adopt orphans, so that no process of the command is lost sight of.",
        choices=("auto", "off"),
        default="auto",
        panel="Starting",
    ),
    Option(
        ("--no-agent",),
        "Do not look inside Python workers: no explanations, nothing added to the environment.",
        flag=True,
        panel="Starting",
    ),
    Option(
        ("--keep-ignored",),
        "Leave SIGINT and SIGQUIT ignored if they are, as in a job that a shell started with &.",
        flag=True,
        panel="Starting",
    ),
)


CONFIG = Option(
    ("-c", "--config"),
    "The config file. [default: supervisor.toml, configs/supervisor.toml, pyproject.toml]",
    "FILE",
    panel="Starting",
)
UP = (
    CONFIG,
    Option(
        ("--dashboard",),
        "Show the live dashboard on a terminal, or never.",
        choices=("auto", "never"),
        default="auto",
        panel="Output",
    ),
    Option(("--no-prefix",), "Show the workers' lines without their names.", flag=True, panel="Output"),
    Option(
        ("--log-format",),
        "Show the workers' lines as text or as one JSON object a line; overrides the config.",
        choices=("text", "json"),
        panel="Output",
    ),
    Option(
        ("-d", "--detach"),
        "Not offered: a supervisor in the background belongs to systemd.",
        flag=True,
        panel="Starting",
    ),
    REPORT,
    *(option for option in RUN if option.key in ("verbose", "quiet", "json", "color")),
)

PANEL = "Options"
FLEET = Option(("--fleet",), "Which fleet; only needed when several run.", "NAME", panel=PANEL, momentary=True)
TOP = (FLEET, Option(CONFIG.names, "Its config.", "FILE", panel=PANEL))
STATUS = (*TOP, Option(("--json",), "Print JSON.", flag=True, panel=PANEL, momentary=True))
STOP = (
    *STATUS,
    Option(
        ("--now",),
        "Workers that are being stopped already: the next step now.",
        flag=True,
        panel=PANEL,
        momentary=True,
    ),
)


def parse(
    argv: Sequence[str], environ: Mapping[str, str], table: Sequence[Option] = RUN
) -> tuple[Values, list[str]] | None:
    """The arguments after the command -> (values by key, the words behind), None when typer should look at it.

    The first word that is no option, or the one after ``--``, begins what `run` shall run; nothing behind it is
    touched. The names that the others take are no command: an option may follow them, and then typer reads the line.
    """
    values: Values = {}
    by_name = {name: option for option in table for name in option.names}
    position = 0
    while position < len(argv):
        word = argv[position]
        position += 1
        if word == "--":
            break
        if not word.startswith("-"):
            position -= 1
            if table is not RUN and any(later.startswith("-") for later in argv[position:]):
                return None
            break
        name, equals, value = word.partition("=")
        option = by_name.get(name)
        if option is None or (equals and (option.flag or not name.startswith("--"))):
            return None
        if option.flag:
            values[option.key] = True
            continue
        if not equals:
            if position == len(argv):
                return None
            value = argv[position]
            position += 1
        if option.choices and value not in option.choices:
            return None
        values[option.key] = (*_many(values, option.key), value) if option.many else value
    command = list(argv[position:])
    return (values, command) if _complete(values, environ, table) else None


def _many(values: Values, key: str) -> tuple[str, ...]:
    found = values.get(key)
    return found if isinstance(found, tuple) else ()


def _complete(values: Values, environ: Mapping[str, str], table: Sequence[Option]) -> bool:
    """Fill in the environment and the defaults. False when a variable needs typer's eye."""
    for option in table:
        if option.key in values:
            continue
        text = environ.get(option.env or "") or None  # an empty variable counts as unset, as in typer
        if text is not None and (option.flag or option.many or (option.choices and text not in option.choices)):
            return False
        if option.flag:
            values[option.key] = False
        elif option.many:
            values[option.key] = ()
        else:
            values[option.key] = text if text is not None else option.default
    return True
