"""The keys of [worker.NAME] that say what runs, and as what."""

from __future__ import annotations

from supervisor.config.field import Field
from supervisor.core.spec import ExecSpec

EXEC = ExecSpec(argv=())

# More would be a typing error far more often than a plan; benchmarks start 2000.
MOST_INSTANCES = 10_000

FIELDS: tuple[Field, ...] = (
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
        help="User to run as, by name or number. Only root can change it. USER, LOGNAME, HOME and SHELL are that "
        "user's, unless env or env_file set them. A number without an entry in passwd(5) needs `group`.",
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
        key="agent",
        kind="flag",
        help="Asks a Python worker how it shuts down. Without it only what is seen from outside is reported.",
        example="false",
        default=True,
        spec="agent",
    ),
    Field(
        section="worker",
        key="own",
        kind="packages",
        help="Installed Python packages that are your own code, as they are imported: explanations name the lines in "
        "them. What was installed from a folder or a repository, and the package that the command starts, is so "
        "without being named.",
        example='["shop"]',
        unset="none",
        spec="own",
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
