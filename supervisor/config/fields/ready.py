"""The keys of [worker.NAME] that say when it is ready, whether it still answers, and on whom it depends."""

from __future__ import annotations

from supervisor.config.field import Field

FIELDS: tuple[Field, ...] = (
    Field(
        section="worker",
        key="ready",
        kind="ready",
        help="When the worker counts as ready; until then it is `starting`. One of started, after, log, notify, fd, "
        "tcp, unix, http and command, with timeout, try_timeout and on_timeout; see docs/readiness.md.",
        example='{ http = "http://127.0.0.1:8000/ready", timeout = 30 }',
        unset='"started": as soon as its program runs',
        also=(
            "readiness",
            "readiness_probe",
            "readinessProbe",
            "healthcheck",
            "health",
            "ready_log_line",
            "is_ready",
        ),
        starter=True,
    ),
    Field(
        section="worker",
        key="liveness",
        kind="liveness",
        help="Whether the worker, once ready, still answers: tcp, unix, http, command or notify, every interval "
        "(10 s); after so many failures (3) it is stopped and started again. `watchdog = 30` is short for notify: "
        "WATCHDOG=1 has to come every 30 s.",
        example='{ http = "http://127.0.0.1:8000/alive", interval = 10, failures = 3 }',
        unset="nobody asks",
        also=("liveness_probe", "livenessProbe", "watchdog", "WatchdogSec"),
    ),
    Field(
        section="worker",
        key="depends_on",
        kind="dependencies",
        help="Workers that it starts after, and is stopped before: a list of names, or a table with what has to be "
        'true of each: condition "started", "ready" (the default), "completed" (ended clean) or "ended"; restart; '
        "required. See docs/readiness.md.",
        example='{ db = { condition = "ready", restart = true } }',
        unset="none: it starts at once",
        also=("depends", "after", "requires", "Requires", "After", "needs", "dependencies"),
        inherit=False,
        starter=True,
    ),
    Field(
        section="worker",
        key="notify",
        kind="flag",
        help="Gives the worker a socket for sd_notify(3) although neither ready nor liveness needs one, so that its "
        "STATUS is shown and EXTEND_TIMEOUT_USEC is heard.",
        example="true",
        default=False,
        spec="notify",
        also=("NotifyAccess",),
    ),
    Field(
        section="worker",
        key="extend_max",
        kind="duration",
        help="So many seconds at most may be added to a start's timeout or a stop by EXTEND_TIMEOUT_USEC.",
        example='"5m"',
        unset="as much as the escalation takes to SIGKILL",
        unit="seconds",
        least=0,
        spec="extend_max",
    ),
    Field(
        section="worker",
        key="reload_signal",
        kind="signal",
        help="Signal that asks the worker to read its configuration again.",
        example='"HUP"',
        unset="it cannot be asked",
        spec="reload_signal",
        also=("ReloadSignal", "ExecReload"),
    ),
)
