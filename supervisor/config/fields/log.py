"""The keys of [log]."""

from __future__ import annotations

from supervisor.config.field import Field
from supervisor.core.spec import ExecSpec, LogSpec

LOG = LogSpec()
EXEC = ExecSpec(argv=())

FIELDS: tuple[Field, ...] = (
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
        key="stamps",
        kind="choice",
        help="Puts the time before lines of text. `auto`: before all lines on a terminal; elsewhere the workers' "
        "lines stay as they are, and the supervisor's own have date and time, unless they go to the journal, which "
        "notes it.",
        example='"never"',
        default=LOG.stamps,
        choices=("auto", "always", "never"),
        spec="stamps",
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
)
