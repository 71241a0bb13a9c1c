"""The one table of config keys: it drives validation, the specs, the JSON Schema, the reference and `init`.

It knows nothing about files or TOML. Defaults are taken from the specs, so that there is no second truth. A new key
is one row in the module of its table.
"""

from __future__ import annotations

from supervisor.config.fields import fleet, log, ready, restart, stop, worker

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from supervisor.config.field import Field

FIELDS: tuple[Field, ...] = (*fleet.FIELDS, *log.FIELDS, *worker.FIELDS, *ready.FIELDS, *stop.FIELDS, *restart.FIELDS)

SECTIONS: dict[str, str] = {
    "fleet": "The fleet as a whole.",
    "log": "How the workers' output is shown.",
    "defaults": "Values for every worker that does not set them itself; takes the keys of [worker.NAME] but those "
    "that can only be a worker's own. `env` and `limits` are merged key by key.",
    "worker": "One worker; NAME is up to 63 letters, digits, _ and -.",
}


def of(section: str) -> Iterator[Field]:
    """Yield the fields of a section in the order of the table; those of ``defaults`` are the inheritable ones."""
    for field in FIELDS:
        if field.section == section or (section == "defaults" and field.section == "worker" and field.inherit):
            yield field
