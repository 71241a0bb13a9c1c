"""The full command line, on typer. Imported only when the lean path of `run` does not apply."""

from __future__ import annotations

import inspect
import os
import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer

from supervisor.cli import config, control, explain
from supervisor.cli.options import RUN, STATUS, STOP, TOP, UP, Option

if TYPE_CHECKING:
    from collections.abc import Sequence

app = typer.Typer(
    name="supervisor",
    help="Runs and stops processes, measures every shutdown, and says why it was slow or lost work.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def main(argv: Sequence[str]) -> int:
    """Parse and run; the exit code. Usage errors are printed by typer (exit 2)."""
    try:
        name = os.path.basename(sys.argv[0])
        app(args=list(argv), prog_name=name if name in ("supervisor", "sigdrain") else "supervisor")
    except SystemExit as leaving:
        return leaving.code if isinstance(leaving.code, int) else 0
    return 0


def _version(wanted: bool) -> None:
    if wanted:
        from supervisor.system.origin import origin

        typer.echo(f"supervisor (sigdrain) {origin().version}")
        raise typer.Exit


@app.callback()
def _common(
    version: Annotated[
        bool, typer.Option("-V", "--version", help="Show the version and exit.", callback=_version, is_eager=True)
    ] = False,
) -> None:
    """Options of every command."""


def _from_table(table: Sequence[Option]) -> list[inspect.Parameter]:
    """Parameters for typer from our own table, so that the two parsers cannot drift apart."""
    return [
        inspect.Parameter(
            option.key,
            inspect.Parameter.KEYWORD_ONLY,
            default=() if option.many else False if option.flag else option.default,
            annotation=Annotated[_kind(option), _typer_option(option)],
        )
        for option in table
    ]


def _kind(option: Option) -> Any:
    if option.flag:
        return bool
    if option.many:
        return list[str]
    if option.default is not None:
        return str
    return str | None


def _typer_option(option: Option) -> Any:
    def check(value: Any) -> Any:
        if value is not None and value not in option.choices:
            raise typer.BadParameter(f"{value!r} is not one of {', '.join(option.choices)}")
        return value

    return typer.Option(
        *option.names,
        help=option.help,
        metavar=option.metavar or ("|".join(option.choices) if option.choices else None),
        envvar=option.env,
        rich_help_panel=option.panel,
        callback=check if option.choices else None,
        show_default=option.default is not None,
    )


def _command(table: Sequence[Option], argument: str = "", meaning: str = "") -> Any:
    """A decorator: the signature of a command from a table, with the words behind the options as ``argument``."""

    def decorate(function: Any) -> Any:
        parameters = _from_table(table)
        if argument:
            words = Annotated[list[str] | None, typer.Argument(metavar=argument, help=meaning)]
            keyword = inspect.Parameter.KEYWORD_ONLY
            parameters.append(inspect.Parameter("words", keyword, default=None, annotation=words))
        function.__signature__ = inspect.Signature(parameters)
        function.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
        return function

    return decorate


def _split(given: dict[str, Any]) -> tuple[dict[str, Any], list[str]]:
    words = list(given.pop("words", None) or [])
    return {key: tuple(value) if isinstance(value, list) else value for key, value in given.items()}, words


@app.command(context_settings={"allow_interspersed_args": False})
@_command(RUN, "[--] CMD...", "The command to run, with its arguments.")  # type: ignore[untyped-decorator]  # typer reads what it sets
def run(**given: Any) -> None:
    """Run one command, forward signals to it, escalate, and explain a slow or forced shutdown."""
    from supervisor.cli.run import run

    raise typer.Exit(run(*_split(given)))


@app.command()
@_command(UP, "[NAME]...", "Start only these workers of the config.")  # type: ignore[untyped-decorator]  # as above
def up(**given: Any) -> None:
    """Run a fleet from a config file in the foreground; Ctrl-C stops it and shows how each worker ended."""
    from supervisor.cli.up import up

    raise typer.Exit(up(*_split(given)))


@app.command()
def demo(
    dashboard: Annotated[str, typer.Option("--dashboard", metavar="auto|never", help="As in up.")] = "auto",
    color: Annotated[str, typer.Option("--color", metavar="auto|always|never", help="As in up.")] = "auto",
) -> None:
    """Start six asyncio workers with typical faults, stop and explain them: 10 seconds."""
    from supervisor.cli.demo import demo

    raise typer.Exit(demo(["--dashboard", dashboard, "--color", color]))


@app.command()
@_command(STATUS)  # type: ignore[untyped-decorator]  # as above
def status(**given: Any) -> None:
    """Show what each worker of a running fleet is doing."""
    raise typer.Exit(control.status(given))


@app.command()
@_command(STOP, "[NAME]...", "The workers to stop; without a name, the whole fleet.")  # type: ignore[untyped-decorator]  # as above
def stop(**given: Any) -> None:
    """Stop a running fleet, or some of its workers, by their escalation."""
    raise typer.Exit(control.stop(*_split(given)))


@app.command()
@_command(TOP)  # type: ignore[untyped-decorator]  # as above
def top(**given: Any) -> None:
    """Show the dashboard of a running fleet."""
    raise typer.Exit(control.top(given))


for _module in (config, explain):
    app.registered_commands += _module.app.registered_commands
