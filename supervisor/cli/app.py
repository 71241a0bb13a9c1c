"""The full command line, on typer. Imported only when the lean path of `run` does not apply."""

from __future__ import annotations

import inspect
import os
from typing import TYPE_CHECKING, Annotated, Any

import typer

from supervisor.cli.options import RUN, Option

if TYPE_CHECKING:
    from collections.abc import Sequence

app = typer.Typer(
    name="supervisor",
    help="Runs and stops processes, measures how long a shutdown takes, and says why.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def main(argv: Sequence[str]) -> int:
    """Parse and run; the exit code. Usage errors are printed by typer (exit 2)."""
    try:
        app(args=list(argv), prog_name="supervisor")
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
        bool, typer.Option("-V", "--version", help="Say the version and leave.", callback=_version, is_eager=True)
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
        if option.choices and value not in option.choices:
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


def _run(**given: Any) -> None:
    from supervisor.cli.plan import plan
    from supervisor.cli.run import run

    command = list(given.pop("command") or [])
    values = {key: tuple(value) if isinstance(value, list) else value for key, value in given.items()}
    raise typer.Exit(run(plan(values, command, init=os.getpid() == 1)))


_run.__signature__ = inspect.Signature(  # type: ignore[attr-defined]  # what typer reads; set instead of written out
    [
        *_from_table(RUN),
        inspect.Parameter(
            "command",
            inspect.Parameter.KEYWORD_ONLY,
            default=None,
            annotation=Annotated[list[str] | None, typer.Argument(metavar="[--] CMD...", help="What to run.")],
        ),
    ]
)
_run.__annotations__ = {
    name: parameter.annotation
    for name, parameter in _run.__signature__.parameters.items()  # type: ignore[attr-defined]
}
app.command(
    "run",
    help="Run one command; forward signals, escalate, tell what a slow or forced shutdown did.",
    context_settings={"allow_interspersed_args": False},
)(_run)
