"""The one table of config keys: it drives validation, the specs, the JSON Schema, the reference and `init`.

It knows nothing about files or TOML. Defaults are taken from the specs, so that there is no second truth.
"""

from __future__ import annotations

from supervisor.config.field import Field
from supervisor.core import ladder
from supervisor.core.spec import ExecSpec, LogSpec, RestartSpec, StopSpec

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

EXEC = ExecSpec(argv=())
STOP = StopSpec(ladder=ladder.parse(ladder.DEFAULT))
RESTART = RestartSpec()
LOG = LogSpec()

# More would be a typing error far more often than a plan: the tests of this project start 500.
MOST_INSTANCES = 1000


FIELDS: tuple[Field, ...] = (
    Field(
        section="fleet",
        key="name",
        kind="name",
        help="Names the fleet for `status`, `stop` and the other commands, and in reports.",
        example='"shop"',
        unset="the name of the project's folder",
        spec="name",
        starter=True,
    ),
    Field(
        section="fleet",
        key="limit",
        kind="duration",
        help="Grace limit of the whole fleet: this long after the first stop request, all that is left gets "
        "SIGKILL. Set it a little below what is outside (TimeoutStopSec, terminationGracePeriodSeconds).",
        example="25",
        unset="no limit but the workers' own",
        unit="seconds",
        least=0,
        spec="limit",
        also=("timeout", "stop_timeout"),
        starter=True,
    ),
    Field(
        section="log",
        key="prefix",
        kind="flag",
        help="Puts the worker's name before each line of its output.",
        example="false",
        default=LOG.prefix,
        spec="prefix",
    ),
    Field(
        section="log",
        key="format",
        kind="choice",
        help="Prints the workers' output as lines of text, or as one JSON object per line with `at`, `worker`, "
        "`instance`, `stream` and `line`. Only an object whose line is not valid UTF-8 has `bytes` too: the line in "
        "base64.",
        example='"json"',
        default=LOG.format,
        choices=("text", "json"),
        spec="format",
    ),
    Field(
        section="log",
        key="time",
        kind="choice",
        help="Time stamps: local time with its offset from UTC, or UTC.",
        example='"utc"',
        default=LOG.time,
        choices=("offset", "utc"),
        spec="time",
    ),
    Field(
        section="log",
        key="overflow",
        kind="choice",
        help="When whoever reads our output is too slow: `block` makes the workers wait, `drop` discards lines, "
        "counts them and says so.",
        example='"drop"',
        default=EXEC.overflow,
        choices=("block", "drop"),
    ),
    Field(
        section="worker",
        key="command",
        kind="command",
        help="What to run: a list of arguments, or one text that is split as a shell would. No shell runs it; "
        'for one, write ["sh", "-c", "…"].',
        example='["python3", "-c", "import asyncio; asyncio.run(asyncio.sleep(3600))"]',
        also=("cmd", "exec", "run", "args", "argv", "entrypoint", "ExecStart"),
        required=True,
        inherit=False,
        starter=True,
    ),
    Field(
        section="worker",
        key="instances",
        kind="whole",
        help="How many of it to run. {instance} in command, env and cwd is the number of each, from 1.",
        example="2",
        default=1,
        least=1,
        most=MOST_INSTANCES,
        also=("numprocs", "numprocesses", "replicas", "scale", "count"),
        inherit=False,
        starter=True,
    ),
    Field(
        section="worker",
        key="port",
        kind="whole",
        help="Port of the first instance; each further one gets the next number. {port} in command, env and cwd "
        "stands for it; nothing listens on it by itself.",
        example="8000",
        unset="{port} may not be used",
        least=1,
        most=65535,
        also=("ports", "listen"),
        inherit=False,
        starter=True,
    ),
    Field(
        section="worker",
        key="env",
        kind="env",
        help="Environment variables, added to the supervisor's own and to those of env_file.",
        example='{ LOG_LEVEL = "info", PATH = "${PATH}:/opt/shop/bin" }',
        unset="the supervisor's environment",
        also=("environment", "variables"),
        starter=True,
    ),
    Field(
        section="worker",
        key="env_file",
        kind="paths",
        help="Files of KEY=VALUE lines, read in order, before env. Their values are taken as they are (no ${…}).",
        example='[".env"]',
        unset="none",
        also=("environment_file", "dotenv", "envfile"),
    ),
    Field(
        section="worker",
        key="cwd",
        kind="path",
        help="Folder to run in, relative to the folder of the config file.",
        example='"app"',
        unset="where the supervisor was started",
        also=("directory", "working_dir", "workdir", "chdir", "WorkingDirectory"),
    ),
    Field(
        section="worker",
        key="user",
        kind="text",
        help="User to run as, by name or number. Only root can change it.",
        example='"www-data"',
        unset="the supervisor's",
        also=("uid",),
    ),
    Field(
        section="worker",
        key="group",
        kind="text",
        help="Group to run as, by name or number. Only root can change it.",
        example='"www-data"',
        unset="the user's first group, or the supervisor's",
        also=("gid",),
    ),
    Field(
        section="worker",
        key="umask",
        kind="umask",
        help="Permission bits that new files do not get, as octal digits.",
        example='"027"',
        unset="the supervisor's",
        spec="exec.umask",
    ),
    Field(
        section="worker",
        key="limits",
        kind="limits",
        help='Resource limits, see setrlimit(2): a number, "unlimited", or [soft, hard]. Sizes are bytes, cpu is '
        "seconds.",
        example='{ nofile = 65536, core = 0, stack = [8388608, "unlimited"] }',
        unset="the supervisor's",
        also=("rlimits", "rlimit", "ulimits", "minfds"),
    ),
    Field(
        section="worker",
        key="no_new_privs",
        kind="flag",
        help="Nothing that the worker starts can gain privileges, not by setuid programs either (prctl(2)).",
        example="true",
        default=EXEC.no_new_privs,
        spec="exec.no_new_privs",
        also=("no_new_privileges", "NoNewPrivileges"),
    ),
    Field(
        section="worker",
        key="parent_death",
        kind="choice",
        help="Signal that the kernel sends to the worker's main process should the supervisor die without "
        "stopping it.",
        example='"TERM"',
        default=EXEC.parent_death,
        choices=("TERM", "KILL", "off"),
        spec="exec.parent_death",
    ),
    Field(
        section="worker",
        key="stop.escalation",
        kind="ladder",
        help="How to stop it: signals and, between them, seconds of grace. `none` sends SIGTERM and waits for "
        "ever. When it is set, its first signal is sent whatever asked for the stop; when not, a SIGTERM, SIGINT, "
        "SIGQUIT or SIGHUP that asked is passed on as it is.",
        example='"TERM/10/INT/5/KILL"',
        default=str(STOP.ladder),
        also=("ladder", "schedule"),
        starter=True,
    ),
    Field(
        section="worker",
        key="stop.signal",
        kind="signal",
        help="First signal of the escalation, whatever asked for the stop. Not together with stop.escalation.",
        example='"INT"',
        unset="that of stop.escalation",
        also=("stopsignal", "stop_signal", "kill_signal", "KillSignal"),
    ),
    Field(
        section="worker",
        key="stop.grace",
        kind="duration",
        help="Grace period after the first signal. Not together with stop.escalation.",
        example="30",
        unset="that of stop.escalation",
        unit="seconds",
        least=0,
        also=(
            "grace",
            "stopwaitsecs",
            "graceful_timeout",
            "kill_timeout",
            "stop_timeout",
            "timeout",
            "stop_grace_period",
            "TimeoutStopSec",
        ),
    ),
    Field(
        section="worker",
        key="stop.target",
        kind="choice",
        help="Whom the signals go to: the worker's whole process group, or its main process only.",
        example='"main"',
        default="group",
        choices=("group", "main"),
        also=("stopasgroup", "killasgroup", "parent_only"),
    ),
    Field(
        section="worker",
        key="stop.leftovers",
        kind="choice",
        help="Members that are still there when the main process has ended: `end` takes them through the whole "
        "escalation, `signal` sends them the first signal only, `leave` leaves them alone.",
        example='"leave"',
        default=STOP.leftovers,
        choices=("end", "signal", "leave"),
        spec="stop.leftovers",
    ),
    Field(
        section="worker",
        key="success_codes",
        kind="codes",
        help="Exit codes that count as a clean end.",
        example="[0, 3]",
        default=list(STOP.success_codes),
        least=0,
        most=255,
        spec="stop.success_codes",
        also=("exitcodes", "success_exit_codes", "stop_exit_codes", "SuccessExitStatus"),
    ),
    Field(
        section="worker",
        key="restart",
        kind="choice",
        help="Whether to start it again when it ended unasked: `on-failure` after any end but a clean one.",
        example='"on-failure"',
        default=RESTART.policy,
        choices=("never", "on-failure", "always"),
        spec="restart.policy",
        also=("autorestart", "respawn", "restart_policy", "availability"),
        starter=True,
    ),
    Field(
        section="worker",
        key="on_exit",
        kind="choice",
        help="What the unasked end of the worker means for the fleet: `restart` does what the key `restart` says "
        "and lets the others run, `stop-all` stops the fleet, `ignore` does neither.",
        example='"ignore"',
        default=RESTART.on_exit,
        choices=("restart", "stop-all", "ignore"),
        spec="restart.on_exit",
        starter=True,
    ),
    Field(
        section="worker",
        key="backoff.first",
        kind="duration",
        help="Pause before the first restart; it doubles with each further one.",
        example="1",
        default=RESTART.backoff,
        unit="seconds",
        least=0,
        spec="restart.backoff",
        also=("restart_delay", "backoff_seconds", "RestartSec", "delay"),
    ),
    Field(
        section="worker",
        key="backoff.max",
        kind="duration",
        help="Longest pause before a restart.",
        example='"1m"',
        default=RESTART.backoff_max,
        unit="seconds",
        least=0,
        spec="restart.backoff_max",
        also=("backoff_max", "max_delay"),
    ),
    Field(
        section="worker",
        key="backoff.jitter",
        kind="number",
        help="Share by which each pause varies at random: 0.1 is plus or minus 10 %.",
        example="0.2",
        default=RESTART.jitter,
        least=0,
        most=1,
        spec="restart.jitter",
    ),
    Field(
        section="worker",
        key="backoff.stable",
        kind="duration",
        help="A worker that ran this long counts as healthy again: pause and count start anew.",
        example="60",
        default=RESTART.stable,
        unit="seconds",
        least=0,
        spec="restart.stable",
        also=("startsecs", "min_uptime"),
    ),
    Field(
        section="worker",
        key="backoff.burst",
        kind="whole",
        help="So many restarts without a stable run between them; the next failure is final (phase `failed`).",
        example="10",
        default=RESTART.burst,
        least=0,
        most=1_000_000,
        spec="restart.burst",
        also=("startretries", "max_restarts", "max_retry", "StartLimitBurst"),
    ),
    Field(
        section="worker",
        key="agent",
        kind="flag",
        help="Asks a Python worker how it shuts down. Without it only what is seen from outside is reported.",
        example="false",
        default=True,
        spec="agent",
    ),
    Field(
        section="worker",
        key="log.overflow",
        kind="choice",
        help="As [log] overflow, for this worker.",
        example='"drop"',
        unset="that of [log]",
        choices=("block", "drop"),
        inherit=False,
    ),
)

SECTIONS: dict[str, str] = {
    "fleet": "The fleet as a whole.",
    "log": "How the workers' output is shown.",
    "defaults": "Values for every worker that does not set them itself; takes the keys of [worker.NAME] but those "
    "that can only be a worker's own. `env` and `limits` are merged key by key.",
    "worker": "One worker; NAME is up to 63 letters, digits, _ and -.",
}


def of(section: str) -> Iterator[Field]:
    """The fields of a section in the order of the table; those of ``defaults`` are the inheritable ones."""
    for field in FIELDS:
        if field.section == section or (section == "defaults" and field.section == "worker" and field.inherit):
            yield field
