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


PREFIX = "SIGDRAIN_"


class Option(Frozen):
    """One option: ``flag`` takes no value; ``many`` may be given again; ``env`` names its environment variable.

    ``momentary``: it belongs to one call and has no such variable. ``shown``: what holds without it, where that is no
    plain ``default``. ``hidden``: it is refused with a pointer, and no help lists it.
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
    shown: str = ""
    hidden: bool = False

    @property
    def key(self) -> str:
        """Return the option's key: ``parent_death`` for ``--parent-death``."""
        return self.names[-1].lstrip("-").replace("-", "_")

    @property
    def env(self) -> str | None:
        """Return the option's variable, ``SIGDRAIN_PARENT_DEATH``; the prefix SUPERVISOR_ belongs to supervisord."""
        return None if self.momentary else PREFIX + self.key.upper()


REPORT = Option(
    ("--report",),
    "Write the shutdown report; the suffix chooses: .json, .md, .html or .svg (its waterfall). May be repeated.",
    "PATH",
    many=True,
    panel="Reporting",
)
_HISTORY = Option(
    ("--history",),
    "Record the run in this history file; off: in none.",
    "PATH|off",
    panel="Reporting",
)
RECORDING = (
    _HISTORY.with_(shown="the user's own"),
    Option(
        ("--history-source",),
        "Store source lines of files in the current folder (auto), or none.",
        choices=("auto", "off"),
        default="auto",
        panel="Reporting",
    ),
    Option(("--tag",), "A word for this version, to compare runs by.", "TEXT", panel="Reporting"),
)
RUN = (
    Option(
        ("--escalation",),
        "Signals to send and seconds to wait between them, as in TERM/10/INT/5/KILL; none: never escalate.",
        "LADDER",
        shown="TERM/10/KILL",
    ),
    Option(("-g", "--grace"), "Grace period: seconds between the stop signal and the next signal.", "S"),
    Option(
        ("--stop-signal",),
        "First signal of the escalation, where the stop was not requested by a signal; see also --rewrite.",
        "SIG",
    ),
    Option(
        ("-r", "--rewrite"),
        "Forward another signal than the one received, as in TERM:INT; TERM:0 drops it. May be repeated.",
        "FROM:TO",
        many=True,
    ),
    Option(
        ("--reload-signal",),
        "This signal asks the command to reload its configuration: it is passed on and is no stop request.",
        "SIG",
        shown="none, SIGHUP stops",
    ),
    Option(("-c", "--child-only"), "Signal the main process only, not its whole process group.", flag=True),
    Option(
        ("--leftovers",),
        "What to do with processes that outlive the main process: end them, signal them once, or leave them.",
        choices=("end", "signal", "leave"),
        default="end",
    ),
    Option(
        ("--extend",),
        "Ask a service manager over us (systemd) for as much time as the escalation takes, or leave it the unit's "
        "limit (off).",
        choices=("auto", "off"),
        default="auto",
    ),
    Option(
        ("--signal-exit",),
        "If a signal ended the command: die of the same one (raise), or exit with 128+n (code); auto: code as PID 1.",
        choices=("auto", "code", "raise"),
        default="auto",
    ),
    REPORT,
    Option(("-v", "--verbose"), "Report after a clean end, too.", flag=True, panel="Reporting"),
    Option(("-q", "--quiet"), "Print errors only.", flag=True, panel="Reporting"),
    Option(("--json",), "Report as JSON on stderr.", flag=True, panel="Reporting"),
    Option(
        ("--color",),
        "Colour the report.",
        choices=("auto", "always", "never"),
        default="auto",
        panel="Reporting",
    ),
    _HISTORY.with_(shown="off"),
    *RECORDING[1:],
    Option(("-C", "--cwd"), "Start the command in this folder.", "DIR", panel="Starting"),
    Option(
        ("--ready",),
        "When the command counts as ready: started, after=2s, notify, tcp=HOST:PORT, unix=PATH, http=URL, "
        "command=CMD, fd=3, or log=TEXT or log=/REGEX/ (which pipes its output). One that is not ready in time is "
        "stopped; the exit code is 124 then.",
        "CHECK",
        shown="started; notify if NOTIFY_SOCKET is set",
        panel="Starting",
    ),
    Option(("--ready-timeout",), "Seconds until it has to be ready.", "S", panel="Starting", shown="60"),
    Option(
        ("--liveness",),
        "Ask every 10 s whether the command still answers: tcp=…, unix=…, http=…, command=…, or notify (WATCHDOG=1 "
        "has to come). After three failures in a row it is stopped; the exit code is 124 then.",
        "CHECK",
        panel="Starting",
    ),
    Option(
        ("--parent-death",),
        "Signal that the kernel sends the command if the supervisor itself dies. Set-user-ID programs do not get it.",
        choices=("TERM", "KILL", "off"),
        default="KILL",
        panel="Starting",
    ),
    Option(
        ("--subreaper",),
        "Adopt orphaned processes of the command, so that none of them is lost.",
        choices=("auto", "off"),
        default="auto",
        panel="Starting",
    ),
    Option(
        ("--no-agent",),
        "Do not look inside Python programs: adds nothing to their environment, explains less.",
        flag=True,
        panel="Starting",
    ),
    Option(
        ("--own",),
        "This installed Python package is your own code: explanations name its lines. May be repeated.",
        "PACKAGE",
        many=True,
        panel="Starting",
        momentary=True,  # the variable, SIGDRAIN_OWN, is read by the agent itself: it reaches any worker
    ),
    Option(
        ("--keep-ignored",),
        "Keep SIGINT and SIGQUIT ignored if they are, as in a job that a shell started with &.",
        flag=True,
        panel="Starting",
    ),
)


CONFIG = Option(
    ("-c", "--config"),
    "The config file.",
    "FILE",
    panel="Starting",
    shown="supervisor.toml, configs/supervisor.toml or pyproject.toml here",
)
UP = (
    CONFIG,
    Option(
        ("--dashboard",),
        "Show the live dashboard on a terminal (auto), or never.",
        choices=("auto", "never"),
        default="auto",
        panel="Output",
    ),
    Option(
        ("--no-deps",),
        "Start only the named workers, without those that they depend on.",
        flag=True,
        panel="Starting",
    ),
    Option(("--no-prefix",), "Print the workers' lines without their names.", flag=True, panel="Output"),
    Option(
        ("--log-format",),
        "Print the workers' output as text, or as one JSON object per line; overrides the config.",
        choices=("text", "json"),
        panel="Output",
    ),
    Option(
        ("--stamps",),
        "Put the time before lines of text: on a terminal (auto), everywhere, or never; overrides the config.",
        choices=("auto", "always", "never"),
        panel="Output",
    ),
    Option(
        ("-d", "--detach"),
        "Not supported: run a supervisor in the background with systemd.",
        flag=True,
        panel="Starting",
        hidden=True,
    ),
    REPORT,
    *RECORDING,
    *(
        option.with_(help="Print the report as JSON on stdout.") if option.key == "json" else option
        for option in RUN
        if option.key in ("extend", "verbose", "quiet", "json", "color")
    ),
)

PANEL = "Options"
FLEET = Option(("--fleet",), "The fleet; needed only when several are running.", "NAME", panel=PANEL, momentary=True)
TOP = (
    FLEET,
    Option(CONFIG.names, "The fleet's config file.", "FILE", panel=PANEL, shown="that of the project we are in"),
)
_ANSWERED = (*TOP, Option(("--json",), "Print JSON.", flag=True, panel=PANEL, momentary=True))
STATUS = (
    *_ANSWERED,
    Option(
        ("--start",),
        "Show how the fleet started: when each worker was ready, and who waited for whom.",
        flag=True,
        panel=PANEL,
        momentary=True,
    ),
)
STOP = (
    *_ANSWERED,
    Option(
        ("--now",),
        "If a worker is already stopping, escalate immediately.",
        flag=True,
        panel=PANEL,
        momentary=True,
    ),
)


# Of commands that typer alone parses: what completion offers.
_OF_UP = {option.key: option for option in UP}
DEMO = (_OF_UP["dashboard"], _OF_UP["color"])
CHECK = (CONFIG, Option(("--json",), "Print JSON.", flag=True))
EXPLAIN = (
    Option(("--for",), "Seconds to observe it.", "S"),
    Option(("--attach",), "Bring the agent into a Python 3.14+ program for one look.", flag=True),
    Option(("--nudge",), "With --attach: stop and continue it to wake it.", flag=True),
    Option(("--json",), "Print JSON.", flag=True),
    _OF_UP["color"],
)


# What Kubernetes sets in every container beside a service that is called sigdrain.
_NOT_MEANT = frozenset({"PORT"})
# How like the name of an option a word is that was meant as one (config/problems.py). Other variables with our prefix
# may be somebody else's.
ALIKE = 0.75


def misspelt(environ: Mapping[str, str]) -> str:
    """Return what to say about a variable that looks like one of an option and is none; empty without one."""
    known = {option.key.upper() for option in (*RUN, *UP)}
    names = {name[len(PREFIX) :] for name in environ if name.startswith(PREFIX)} - known - _NOT_MEANT
    if not names:
        return ""
    from supervisor.config.problems import nearest

    meant = {name: nearest(name, known, ALIKE) for name in sorted(names)}
    name = next((name for name in meant if meant[name]), "")
    return f"the variable {PREFIX}{name} means nothing, did you mean {PREFIX}{meant[name]}?" if name else ""


def parse(
    argv: Sequence[str], environ: Mapping[str, str], table: Sequence[Option] = RUN
) -> tuple[Values, list[str]] | None:
    """Parse the arguments after the command into (values by key, the words behind); None when typer should look at
    them.

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
