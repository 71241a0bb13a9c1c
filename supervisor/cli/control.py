"""Commands that speak to a running fleet over its control socket: status, stop, top."""

from __future__ import annotations

import os
import time
from typing import Annotated, Any

import typer

app = typer.Typer()

Fleet = Annotated[
    str | None, typer.Option("--fleet", metavar="NAME", help="Which fleet; only needed when several run.")
]
File = Annotated[
    str | None, typer.Option("-c", "--config", metavar="FILE", envvar="SIGDRAIN_CONFIG", help="Its config.")
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@app.command()
def status(fleet: Fleet = None, config: File = None, json: Json = False) -> None:
    """Show what the workers of a running fleet do."""
    path = _socket(fleet, config)
    answer = _ask(path, {"do": "status"})
    if json:
        from supervisor.cli.telling import dumps

        typer.echo(dumps({"socket": path, **answer}), nl=False)
        return
    from supervisor.views.status import table

    typer.echo(table(answer, time.monotonic()), nl=False)


@app.command()
def stop(
    names: Annotated[
        list[str] | None, typer.Argument(metavar="[NAME]...", help="Workers; all without a name.")
    ] = None,
    now: Annotated[
        bool, typer.Option("--now", help="Workers that are being stopped already: the next step now.")
    ] = False,
    fleet: Fleet = None,
    config: File = None,
    json: Json = False,
) -> None:
    """Stop workers by their ladder, or the whole fleet."""
    request: dict[str, Any] = {"do": "stop", "now": now}
    if names:
        request["workers"] = names
    answer = _ask(_socket(fleet, config), request)
    if json:
        from supervisor.cli.telling import dumps

        typer.echo(dumps(answer), nl=False)
        return
    stopping, already = answer["stopping"], answer["already"]
    if stopping:
        typer.echo(f"stopping {', '.join(stopping)}")
    if already:
        told = "next step now" if now else "being stopped already (the next step now: --now)"
        typer.echo(f"{', '.join(already)}: {told}")
    if not stopping and not already:
        typer.echo("nothing runs that could be stopped")


@app.command()
def top(fleet: Fleet = None, config: File = None) -> None:
    """The dashboard of a running fleet."""
    from supervisor.cli.top import top as show

    raise typer.Exit(show(_socket(fleet, config)))


def _socket(fleet: str | None, config: str | None) -> str:
    from supervisor.errors import ControlError
    from supervisor.system import runtime

    if fleet is not None:
        return runtime.socket_path(fleet, os.environ)
    running = runtime.running(os.environ)
    if config is not None:
        from supervisor.config.load import load

        loaded = load(config, os.getcwd(), os.environ)
        return runtime.socket_path(loaded.fleet.name or "fleet", os.environ)
    if len(running) == 1:
        return runtime.socket_path(running[0], os.environ)
    if not running:
        raise ControlError("no fleet of yours is running", "start one with: supervisor up")
    raise ControlError(f"several fleets are running: {', '.join(running)}", "choose one with --fleet NAME")


def _ask(path: str, request: dict[str, Any]) -> dict[str, Any]:
    from supervisor.errors import ControlError
    from supervisor.system.client import ask

    answer = ask(path, request)
    if not answer.get("ok"):
        raise ControlError(str(answer.get("error", "the supervisor refused")), str(answer.get("hint", "")))
    return {key: value for key, value in answer.items() if key not in ("v", "ok")}
