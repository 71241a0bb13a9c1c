"""The keys of [worker.NAME] that say what follows when it ends unasked."""

from __future__ import annotations

from supervisor.config.field import Field
from supervisor.core.spec import RestartSpec

RESTART = RestartSpec()

FIELDS: tuple[Field, ...] = (
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
)
