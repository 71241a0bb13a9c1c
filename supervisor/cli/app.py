"""The full command line, on typer. Imported only when the lean path of `run` does not apply."""

from __future__ import annotations

import inspect
import os
import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer

from supervisor.cli import config, control, explain, usage
from supervisor.cli.measuring import COMPARE, DRILL, HISTORY, RECORDED
from supervisor.cli.options import RUN, STATUS, STOP, TOP, UP, Option
from supervisor.core.visible import quoted

if TYPE_CHECKING:
    from collections.abc import Sequence

app = typer.Typer(
    name="supervisor",
    help="Runs and stops processes, measures every shutdown, and says why it was slow or lost work.",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def main(argv: Sequence[str]) -> int:
    """Parse and run; the exit code. Raises UsageError for a wrong command line; without any, help is shown."""
    known = [one.name or getattr(one.callback, "__name__", "") for one in app.registered_commands]
    if argv and not argv[0].startswith("-") and argv[0] not in known:
        raise usage.unknown(argv, known)
    name = os.path.basename(sys.argv[0])
    try:
        code = app(
            args=list(argv) or ["--help"],
            prog_name=name if name in ("supervisor", "sigdrain") else "supervisor",
            standalone_mode=False,
        )
    except usage.Mistake as error:
        raise usage.mistake(error, argv) from None
    return (code if isinstance(code, int) else 0) if argv else 2


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
    """Declare the options that every command has."""


def _from_table(table: Sequence[Option]) -> list[inspect.Parameter]:
    """Return parameters for typer from our own table, so that the two parsers cannot drift apart."""
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
            raise typer.BadParameter(f"{quoted(value)} is not one of {', '.join(option.choices)}")
        return value

    return typer.Option(
        *option.names,
        help=option.help,
        metavar=option.metavar or ("|".join(option.choices) if option.choices else None),
        envvar=option.env,
        rich_help_panel=option.panel,
        hidden=option.hidden,
        callback=check if option.choices else None,
        show_default=option.shown or option.default is not None,
    )


def _command(table: Sequence[Option], words: str = "", *, interspersed: bool = True) -> Any:
    """Return a decorator for a command whose options come from a table.

    ``words``: how its usage names what follows them.

    ``interspersed``: options may follow the words, too.
    """

    def decorate(function: Any) -> Any:
        parameters = _from_table(table)
        if words:
            behind = Annotated[list[str] | None, typer.Argument(hidden=True)]
            keyword = inspect.Parameter.KEYWORD_ONLY
            parameters.append(inspect.Parameter("words", keyword, default=None, annotation=behind))
        function.__signature__ = inspect.Signature(parameters)
        function.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
        settings = {"allow_interspersed_args": interspersed}
        style = usage.command(f"[OPTIONS] {words}".rstrip())
        return app.command(cls=style, help=_flowing(function.__doc__ or ""), context_settings=settings)(function)

    return decorate


def _flowing(text: str) -> str:
    """Return a docstring whose paragraphs are a line each: typer keeps the line breaks of all but the first."""
    return "\n\n".join(" ".join(paragraph.split()) for paragraph in inspect.cleandoc(text).split("\n\n"))


def _split(given: dict[str, Any]) -> tuple[dict[str, Any], list[str]]:
    words = list(given.pop("words", None) or [])
    return {key: tuple(value) if isinstance(value, list) else value for key, value in given.items()}, words


@_command(RUN, "[--] CMD...", interspersed=False)  # type: ignore[untyped-decorator]  # typer reads what it sets
def run(**given: Any) -> None:
    """Run one command, forward signals to it, escalate, and explain a slow or forced shutdown.

    CMD is the command with its arguments; options come before it.
    """
    from supervisor.cli.run import run

    raise typer.Exit(run(*_split(given)))


@_command(UP, "[NAME]...")  # type: ignore[untyped-decorator]  # as above
def up(**given: Any) -> None:
    """Run a fleet from a config file in the foreground; Ctrl-C stops it and shows how each worker ended.

    With NAMEs only these workers of the config are started.

    Returns when all workers have ended. Exits with 0 if each ended as wanted, else with the exit code of the first
    that failed: its own, 128+n if signal n ended it (137: it had to be killed), 126 or 127 if it could not be
    started. 2: the options or the config are wrong; 1: the fleet is running already; 125: the supervisor itself
    failed.
    """
    from supervisor.cli.up import up

    raise typer.Exit(up(*_split(given)))


@_command(DRILL, "[--] CMD... | -c FILE [NAME]...", interspersed=False)  # type: ignore[untyped-decorator]  # as above
def drill(**given: Any) -> None:
    """Stop a program many times: how long it takes, why, which timeout to set, and whether it keeps a budget.

    Exits with 0; 1 if a demand was not kept or the program did not stay; 2 for a mistake in the options.
    """
    from supervisor.cli.drill import drill

    raise typer.Exit(drill(*_split(given)))


@_command(HISTORY, "[export | merge FILE... | prune]")  # type: ignore[untyped-decorator]  # as above
def history(**given: Any) -> None:
    """List what was recorded of earlier runs; export it, take over other files, or forget the oldest.

    Recorded are the runs of up and drill, and of run where --history says so.
    """
    from supervisor.cli.history import history

    raise typer.Exit(history(*_split(given)))


@_command(RECORDED, "RUN")  # type: ignore[untyped-decorator]  # as above
def report(**given: Any) -> None:
    """Show the report of a recorded run again: its number, or last."""
    from supervisor.cli.history import report

    raise typer.Exit(report(*_split(given)))


@_command(COMPARE, "BEFORE AFTER")  # type: ignore[untyped-decorator]  # as above
def compare(**given: Any) -> None:
    """Compare two sets of recorded runs: is the stop slower, and which findings are new?

    A set is a run's number, last:20, or conditions as in tag=v2,worker=api,since=7d. Exits with 1 for a regression.
    """
    from supervisor.cli.history import compare

    raise typer.Exit(compare(*_split(given)))


@app.command(cls=usage.command("[OPTIONS]"))
def demo(
    dashboard: Annotated[str, typer.Option("--dashboard", metavar="auto|never", help="As in up.")] = "auto",
    color: Annotated[str, typer.Option("--color", metavar="auto|always|never", help="As in up.")] = "auto",
) -> None:
    """Start six asyncio workers with typical faults, stop and explain them: 10 seconds."""
    from supervisor.cli.demo import demo

    raise typer.Exit(demo(["--dashboard", dashboard, "--color", color]))


@_command(STATUS)  # type: ignore[untyped-decorator]  # as above
def status(**given: Any) -> None:
    """Show what each worker of a running fleet is doing.

    Exits with 0; 1 if the fleet does not run; 3 if a worker that should run is in backoff, failed or stuck.
    """
    raise typer.Exit(control.status(given))


@_command(STOP, "[NAME]...")  # type: ignore[untyped-decorator]  # as above
def stop(**given: Any) -> None:
    """Stop a running fleet, or some of its workers, by their escalation.

    NAME is a worker, all its instances, or one of them as in web.2; without a NAME the whole fleet stops.

    Returns at once, before they have ended: see `supervisor status`. Exits with 0; 1 if the fleet does not run; 2 if
    no worker has such a NAME.
    """
    raise typer.Exit(control.stop(*_split(given)))


@_command(TOP)  # type: ignore[untyped-decorator]  # as above
def top(**given: Any) -> None:
    """Show the dashboard of a running fleet."""
    raise typer.Exit(control.top(given))


for _module in (config, explain):
    app.registered_commands += _module.app.registered_commands
