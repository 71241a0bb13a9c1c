"""Checked settings -> the specs of core: layers merged, instances numbered, texts filled in. Pure.

Knows what the keys mean; what is doubtful about their combination is said by config/doubts.py.
"""

from __future__ import annotations

import os.path

from supervisor.config import checks, doubts, fields, order
from supervisor.config.environment import Environments
from supervisor.config.fields.stop import STOP
from supervisor.config.validate import Given
from supervisor.core import ladder
from supervisor.core.readiness import CheckError
from supervisor.core.spec import ExecSpec, FleetSpec, LogSpec, RestartSpec, StopSpec, WorkerSpec

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any, TypeVar

    from supervisor.config.machine import Account, Outside
    from supervisor.config.problems import Problems
    from supervisor.config.validate import Document, Settings

    _Spec = TypeVar("_Spec")

# Without PATH, execvpe(3) of glibc looks here.
DEFAULT_PATH = "/bin:/usr/bin"


class Builder:
    """Builds the workers of one document. ``folder`` is that of the config file, ``cwd`` the supervisor's."""

    def __init__(
        self,
        document: Document,
        environ: Mapping[str, str],
        folder: str,
        cwd: str,
        outside: Outside,
        problems: Problems,
    ) -> None:
        self._document = document
        self._environ = environ
        self._folder = folder
        self._cwd = cwd
        self._outside = outside
        self._problems = problems
        self._accounts: dict[str, Account | None] = {}
        self._programs: dict[tuple[str, str, str], bool] = {}
        self._environments = Environments(environ, folder, outside, problems)

    def fleet(self, name: str) -> FleetSpec:
        """Return the fleet with all its workers; ``name`` is used when the file gives none."""
        document, problems = self._document, self._problems
        workers: list[WorkerSpec] = []
        for worker, (path, own) in document.workers.items():
            settings = document.defaults | own
            if "command" not in own:
                problems.table(path, "has no command", 'add command = ["python3", "app.py"]')
                settings = settings | {"command": Given((), path)}  # all else of it is looked at
            workers += self._worker(worker, own, settings)
            doubts.worker(own, settings, problems)
        doubts.ports(document.workers, problems)
        fleet = FleetSpec(tuple(workers), **({"name": name} | _chosen(document.fleet, "fleet", "")))
        doubts.nested_timeouts(fleet, document, problems)
        doubts.servers(fleet, document, self._environ, problems)
        order.doubts(fleet, document, problems)
        return fleet

    def log(self) -> LogSpec:
        """Return how output is shown."""
        return LogSpec(**_chosen(self._document.log, "log", ""))

    def _worker(self, name: str, own: Settings, settings: Settings) -> list[WorkerSpec]:
        count: Any = settings["instances"].value if "instances" in settings else 1
        port: Any = settings["port"].value if "port" in settings else None
        stop = _stop(self._document.defaults, own, settings)
        restart = RestartSpec(**_chosen(settings, "worker", "restart."))
        depends_on: Any = settings["depends_on"].value if "depends_on" in settings else {}
        shared = _chosen(settings, "worker", "exec.") | self._shared(settings)
        specs: list[WorkerSpec] = []
        for number in range(1, count + 1):
            placeholders = {"instance": str(number)} if "instances" in settings else {}
            if port is not None:
                placeholders["port"] = str(port + number - 1)
            command = self._exec(own, shared, settings, placeholders)
            specs.append(
                WorkerSpec(
                    name,
                    command,
                    stop,
                    instance=number if count > 1 else 0,
                    restart=restart,
                    ready=self._checked("ready", checks.ready_spec, command, settings, placeholders),
                    liveness=self._checked("liveness", checks.liveness_spec, command, settings, placeholders),
                    depends_on=tuple(depends_on.values()),
                    **_chosen(settings, "worker", ""),
                )
            )
            if self._problems.failed:
                break  # the other instances would say the same
        return specs

    def _shared(self, settings: Settings) -> dict[str, Any]:
        """Return the parts of the ExecSpec that are equal in all instances."""
        shared: dict[str, Any] = {}
        for key in ("user", "group"):
            name = self._filled(settings, key, self._environments.base, {})
            if name is not None:
                shared[key] = name
                if not (self._account(name) if key == "user" else self._outside.group(name)):
                    self._problems.value(settings[key].path, f'names "{name}", but there is no such {key}')
        account = self._account(shared.get("user"))
        if account is not None and not account.known and "group" not in settings:
            self._problems.value(
                settings["user"].path, f'names "{account.name}", a number without a user', "set group, too"
            )
        limits = self._merged("limits", settings)
        if limits:
            shared["limits"] = tuple((f"RLIMIT_{name.upper()}", soft, hard) for name, (soft, hard) in limits.items())
        overflow = settings.get("log.overflow") or self._document.log.get("overflow")
        if overflow is not None:
            shared["overflow"] = overflow.value
        return shared

    def _exec(
        self, own: Settings, shared: dict[str, Any], settings: Settings, placeholders: Mapping[str, str]
    ) -> ExecSpec:
        account = self._account(shared.get("user"))
        user = account.variables if account is not None else {}
        env = self._environments.build((self._document.defaults, own), placeholders, user)
        variables = self._environments.base if env is None else env
        command = settings["command"]
        words: Any = command.value
        argv: list[str] = []
        for index, word in enumerate(words):
            filled = self._environments.expanded(word, (*command.path, index), variables, placeholders)
            argv.append(word if filled is None else filled)
        cwd = self._filled(settings, "cwd", variables, placeholders)
        if cwd is not None:
            cwd = os.path.normpath(os.path.join(self._folder, cwd))
            if not self._outside.folder(cwd):
                self._problems.warn(settings["cwd"].path, f'names "{cwd}", but there is no such folder')
        path = variables.get("PATH", DEFAULT_PATH)
        if not self._problems.failed and not self._runnable(argv[0], path, cwd or self._cwd):
            where = "" if "/" in argv[0] else " in PATH"
            self._problems.warn((*command.path, 0), f'runs "{argv[0]}", which is not a program{where}')
        # Workers of a fleet stand apart from our terminal: Ctrl-C reaches them through the supervisor only.
        return ExecSpec(tuple(argv), env=env, cwd=cwd, session=True, stdin_null=True, output="pipe", **shared)

    def _checked(
        self,
        key: str,
        build: Callable[[checks.Wanted, checks.Fill], _Spec],
        command: ExecSpec,
        settings: Settings,
        placeholders: Mapping[str, str],
    ) -> _Spec | None:
        """Build the spec of ``ready`` or ``liveness`` of an instance; a path is relative to where it runs."""
        if key not in settings:
            return None
        wanted: Any = settings[key].value
        path = settings[key].path
        variables = self._environments.base if command.env is None else command.env

        def fill(text: str) -> str:
            filled = self._environments.expanded(text, path, variables, placeholders)
            if filled is None:
                return text
            if wanted.kind == "unix" and not filled.startswith(("@", "/")):
                return os.path.normpath(os.path.join(command.cwd or self._cwd, filled))
            return filled

        try:
            return build(wanted, fill)
        except CheckError as error:
            if not self._problems.failed:  # what could not be filled in was told
                self._problems.value(path, f"is not a check: {error}")
            return None

    def _account(self, name: str | None) -> Account | None:
        """Return the user of that name, who is looked for once."""
        if name is not None and name not in self._accounts:
            self._accounts[name] = self._outside.user(name)
        return self._accounts[name] if name is not None else None

    def _runnable(self, name: str, path: str, folder: str) -> bool:
        """Return whether there is such a program, which is looked for once."""
        asked = (name, path, folder)
        if asked not in self._programs:
            self._programs[asked] = self._outside.program(*asked)
        return self._programs[asked]

    def _filled(
        self,
        settings: Settings,
        key: str,
        variables: Mapping[str, str],
        placeholders: Mapping[str, str],
    ) -> str | None:
        if key not in settings:
            return None
        value: Any = settings[key].value
        return self._environments.expanded(value, settings[key].path, variables, placeholders)

    def _merged(self, key: str, settings: Settings) -> dict[str, Any]:
        """Return a table merged key by key: [defaults], then the worker's."""
        merged: dict[str, Any] = {}
        for layer in (self._document.defaults, settings):
            if key in layer:
                table: Any = layer[key].value
                merged |= table
        return merged


def _chosen(settings: Settings, section: str, target: str) -> dict[str, Any]:
    """Return keyword arguments for a spec: the given values of the fields that name ``target`` and a plain field."""
    return {
        field.spec.removeprefix(target): settings[field.key].value
        for field in fields.of(section)
        if field.key in settings and field.spec.startswith(target) and field.spec
        if "." not in field.spec.removeprefix(target)
    }


def _stop(defaults: Settings, own: Settings, settings: Settings) -> StopSpec:
    """Return the escalation of [defaults], changed by the worker's; then everything else that belongs to a stop."""
    climbed = STOP.ladder
    for layer in (defaults, own):
        values: dict[str, Any] = {key: given.value for key, given in layer.items()}
        climbed = values.get("stop.escalation", climbed)
        if "stop.grace" in values:
            climbed = ladder.with_grace(climbed, values["stop.grace"])
        if "stop.signal" in values:
            climbed = ladder.with_stop_signal(climbed, values["stop.signal"])
    target = settings.get("stop.target")
    return StopSpec(
        climbed,
        group=target is None or target.value == "group",
        own_signal="stop.escalation" in settings or "stop.signal" in settings,
        **_chosen(settings, "worker", "stop."),
    )
