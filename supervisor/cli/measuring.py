"""The tables of the options of `drill`, and of the commands that read the history; as those in options.py."""

from __future__ import annotations

from supervisor.cli.options import CONFIG, PANEL, RECORDING, REPORT, RUN, Option

_OF_RUN = {option.key: option for option in RUN}
_MEASURE, _JUDGE = "Measuring", "Judging"
DRILL = (
    Option(
        CONFIG.names,
        "Drill the fleet of this config file instead of a command.",
        "FILE",
        panel="Starting",
        momentary=True,
    ),
    Option(
        ("--ready",),
        "When the program is ready: log=TEXT, notify, tcp=HOST:PORT, unix=PATH, http=URL, command=CMD or after=2s.",
        "CHECK",
        shown="when it is quiet for 0.5 s",
        panel="Starting",
        momentary=True,
    ),
    Option(("-n", "--runs"), "How often to stop it.", "N", default="20", panel=_MEASURE, momentary=True),
    Option(("--warmup",), "Runs before these that do not count.", "N", default="1", panel=_MEASURE, momentary=True),
    Option(
        ("--after",),
        "When to request the stop: so long after the program is ready.",
        "S",
        shown="0.5 s",
        panel=_MEASURE,
        momentary=True,
    ),
    Option(
        ("--at-random",),
        "Request it at a random moment between A and B seconds after the program is ready.",
        "A-B",
        panel=_MEASURE,
        momentary=True,
    ),
    Option(
        ("--during-startup",),
        "Request it at a random moment while the program starts.",
        flag=True,
        panel=_MEASURE,
        momentary=True,
    ),
    Option(("--seed",), "Draw the same random moments again.", "N", panel=_MEASURE, momentary=True),
    Option(
        ("--twice",),
        "Request the stop a second time in the middle of it.",
        flag=True,
        panel=_MEASURE,
        momentary=True,
    ),
    Option(("-s", "--signal"), "Stop with this signal.", "SIG", shown="TERM", panel=_MEASURE, momentary=True),
    Option(("-g", "--grace"), "Grace period of a run, before SIGKILL.", "S", panel=_MEASURE, shown="10 s"),
    Option(
        ("--budget",),
        "Fail if this is exceeded, as in total.p95=5s, outcome.killed=0, CODE=0. May be repeated.",
        "DEMAND",
        many=True,
        panel=_JUDGE,
        momentary=True,
    ),
    Option(
        ("--forbid",),
        "Fail if a finding of this code occurs. May be repeated.",
        "CODE",
        many=True,
        panel=_JUDGE,
        momentary=True,
    ),
    Option(
        ("--allow-early",),
        "Do not fail if a run ends before its stop was requested.",
        flag=True,
        panel=_JUDGE,
        momentary=True,
    ),
    Option(
        ("--platform",),
        "Fail if the stop does not fit into the time that this platform gives it.",
        choices=("systemd", "kubernetes", "compose", "nomad", "cloudrun", "ecs", "heroku"),
        panel=_JUDGE,
        momentary=True,
    ),
    Option(("--limit",), "Fail if the stop does not fit into this time.", "S", panel=_JUDGE, momentary=True),
    REPORT.with_(
        help="Write the report; the suffix chooses: .json, .md, .html or .junit.xml. May be repeated.",
    ),
    _OF_RUN["quiet"],
    Option(("--json",), "Print the result as JSON.", flag=True, panel="Reporting"),
    _OF_RUN["color"],
    *RECORDING,
    _OF_RUN["child_only"].with_(names=("--child-only",)),  # -c is the config here
    _OF_RUN["cwd"],
    _OF_RUN["no_agent"],
)


_FILE = Option(("--history",), "The history file.", "PATH", panel=PANEL, shown="the user's own")
_JSON = Option(("--json",), "Print JSON.", flag=True, panel=PANEL, momentary=True)
_COLOR = _OF_RUN["color"].with_(help="Colour the output.", panel=PANEL)
HISTORY = (
    Option(("--worker",), "Runs of a worker, or of one instance as in web.2.", "NAME", panel=PANEL, momentary=True),
    Option(("--fleet",), "Runs of this fleet.", "NAME", panel=PANEL, momentary=True),
    Option(("--tag",), "Runs with this tag.", "TEXT", panel=PANEL, momentary=True),
    Option(
        ("--outcome",),
        "Runs that ended like this.",
        choices=("clean", "failed", "signalled", "killed", "stuck"),
        panel=PANEL,
        momentary=True,
    ),
    Option(("--since",), "Runs of the last so much time, as in 7d.", "DURATION", panel=PANEL, momentary=True),
    Option(("--before",), "Runs older than that.", "DURATION", panel=PANEL, momentary=True),
    Option(("-n", "--last"), "How many to list; 0 lists all.", "N", default="20", panel=PANEL, momentary=True),
    Option(
        ("--format",),
        "Of export: reports as one JSON object per line, or a table of figures.",
        choices=("jsonl", "csv"),
        default="jsonl",
        panel=PANEL,
        momentary=True,
    ),
    _FILE,
    _JSON,
    _COLOR,
)
RECORDED = (REPORT.with_(panel=PANEL, momentary=True), _FILE, _JSON, _COLOR)
COMPARE = (_FILE, _JSON, _COLOR)
