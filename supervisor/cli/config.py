"""Commands about config files: check, schema, init."""

from __future__ import annotations

import os
from typing import Annotated

import typer

from supervisor.cli import talk, usage
from supervisor.core.visible import quoted, visible

app = typer.Typer()

File = Annotated[
    str | None, typer.Option("-c", "--config", metavar="FILE", envvar="SIGDRAIN_CONFIG", help="The config file.")
]


@app.command(cls=usage.command("[OPTIONS] [FILE]"))
def check(
    file: Annotated[str | None, typer.Argument(hidden=True)] = None,
    config: File = None,
    json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Check a config file and list everything that is wrong with it. Exits with 0 if there are no errors, else 2.

    FILE is the same as -c FILE.
    """
    from supervisor.config import load
    from supervisor.config.places import working_folder
    from supervisor.core.units import plural

    folder = working_folder()
    loaded, complaints = load.check(file if file is not None else config, folder, os.environ)
    if json:
        from supervisor.views.data import dumps

        fields = ("file", "line", "column", "severity", "message", "hint")
        typer.echo(dumps([{name: getattr(one, name) for name in fields} for one in complaints]), nl=False)
    else:
        for complaint in complaints:
            talk.say(str(complaint))
        if loaded is not None:
            count = plural(len(loaded.fleet.workers), "worker")
            warnings = sum(complaint.severity == "warning" for complaint in complaints)
            notes = [plural(len(complaints) - warnings, "note")] if len(complaints) > warnings else []
            verdict = ", ".join(["no errors", plural(warnings, "warning"), *notes]) if complaints else "no problems"
            path = os.path.relpath(loaded.path, folder) if folder else loaded.path
            typer.echo(visible(f"{path}: {verdict}, {count}"))
    raise typer.Exit(2 if loaded is None else 0)


@app.command(cls=usage.command("[OPTIONS]"))
def schema() -> None:
    """Print the JSON Schema of the config file, for editors."""
    from supervisor.config.describe import schema as describe
    from supervisor.views.data import dumps

    typer.echo(dumps(describe()), nl=False)


@app.command(cls=usage.command("[OPTIONS] [FILE] [-- CMD...]"))
def init(words: Annotated[list[str] | None, typer.Argument(hidden=True)] = None) -> None:
    """Write a starter config in TOML; never overwrites a file.

    FILE is supervisor.toml unless another is named; the name ends in .toml. CMD is what the worker runs: of
    uvicorn, gunicorn and hypercorn the config has a readiness check, too.
    """
    given = list(words or ())
    # Typer takes the -- away: the first word is the file only when it can be one.
    path = given.pop(0) if given and (given[0].endswith(".toml") or len(given) == 1) else "supervisor.toml"
    from supervisor.config.describe import starter
    from supervisor.errors import UsageError

    if not path.endswith(".toml") or os.path.basename(path) == "pyproject.toml":
        hint = "give a name that ends in .toml, as in supervisor.toml"
        raise UsageError(f"{quoted(path)} is no name of a TOML file for the starter config", hint)
    text = starter(given)
    try:
        text.encode()
    except UnicodeEncodeError:
        command = " ".join(map(quoted, given))
        raise UsageError(f"{command}: not text, so it cannot stand in a config", "write the config by hand") from None
    try:
        file = open(path, "x", encoding="utf-8")  # noqa: SIM115 - what cannot be filled is removed below
    except FileExistsError:
        raise UsageError(f"{path} already exists", "edit it, or give another name") from None
    except OSError as error:
        raise UsageError(f"cannot write {path}: {error.strerror}", "give another path") from None
    try:
        with file:
            file.write(text)
    except OSError as error:  # a full disk
        os.unlink(path)
        raise UsageError(f"cannot write {path}: {error.strerror}", "give another path") from None
    typer.echo(visible(f"wrote {path}; start it with: supervisor up -c {path}"))
