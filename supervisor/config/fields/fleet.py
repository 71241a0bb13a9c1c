"""The keys of [fleet]."""

from __future__ import annotations

from supervisor.config.field import Field
from supervisor.core.spec import FleetSpec

FLEET = FleetSpec(workers=())

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
        section="fleet",
        key="control",
        kind="choice",
        help="Whether there is a control socket. `auto`: where one can be made. Without it `status`, `stop`, `top` "
        "and the dashboard have nothing to talk to, and a second `up` of the same file is not noticed.",
        example='"off"',
        default=FLEET.control,
        choices=("auto", "off"),
        spec="control",
    ),
)
