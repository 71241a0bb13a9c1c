"""The keys of [worker.NAME] that say how it is stopped."""

from __future__ import annotations

from supervisor.config.field import Field
from supervisor.core import ladder
from supervisor.core.spec import StopSpec

STOP = StopSpec(ladder=ladder.parse(ladder.DEFAULT))

FIELDS: tuple[Field, ...] = (
    Field(
        section="worker",
        key="stop.escalation",
        kind="ladder",
        help="How to stop it: signals and, between them, seconds of grace. `none` sends SIGTERM and waits for "
        "ever. When it is set, its first signal is sent whatever asked for the stop; when not, a SIGTERM or "
        "SIGINT that asked is passed on as it is.",
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
)
