"""A drill for GitHub Actions: what failed, as annotations at the source lines that are to blame. Pure.

Escaping and limits: GitHub docs, "Workflow commands for GitHub Actions"; ten errors of a step are shown.
"""

from __future__ import annotations

from supervisor.core.visible import visible

TYPE_CHECKING = False
if TYPE_CHECKING:
    from supervisor.core.drilled import Cause, Drilled

MOST = 10  # annotations that GitHub shows of one step; further ones are dropped there


def github(one: Drilled, folder: str) -> str:
    """Return a line ``::error file=…,line=…,title=…::…`` for each demand that was not kept; empty when none.

    ``folder``: files in it are named relative to it, as GitHub wants them.
    """
    causes = [cause for figures in one.figures for cause in figures.causes]
    out = []
    for verdict in one.verdicts:
        if verdict.kept:
            continue
        where = verdict.where
        place = f"file={_property(_relative(where.file, folder))},line={where.line}," if where is not None else ""
        cause = next((cause for cause in causes if cause.where == where), None) if where is not None else None
        title = _property(f"Shutdown budget: {verdict.demand}")
        out.append(f"::error {place}title={title}::{_message(_said(verdict.found, cause))}\n")
    if one.stopped is not None:
        out.append(f"::error title=Shutdown drill::{_message(one.stopped)}\n")
    return "".join(out[:MOST])


def _said(found: str, cause: Cause | None) -> str:
    return found if cause is None else f"{found}. {cause.title}. {cause.advice}"


def _relative(file: str, folder: str) -> str:
    return file.removeprefix(folder.rstrip("/") + "/")


def _message(text: str) -> str:
    return visible(text).replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _message(text).replace(":", "%3A").replace(",", "%2C")
