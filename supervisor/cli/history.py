"""`history`, `report`, `compare`: what was recorded. Without typer: `history` answers at once, also from a prompt."""

from __future__ import annotations

import csv
import io
import os
import sys
import time
from contextlib import contextmanager

from supervisor.config import selection
from supervisor.core.selection import Selection
from supervisor.core.spec import title
from supervisor.core.verdict import FORCED
from supervisor.core.visible import visible
from supervisor.errors import HistoryError, UsageError
from supervisor.system import stdio
from supervisor.system.history import place
from supervisor.system.history.query import condition
from supervisor.system.history.store import COLUMNS, Store

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    from supervisor.cli.options import Values
    from supervisor.system.history.store import Found
    from supervisor.views.layout import Style

# Rows of `history` when nobody says how many.
ROWS = 20
VERBS = ("export", "merge", "prune")


def history(values: Values, words: list[str]) -> int:
    """List recorded runs, or export, merge or prune them; the exit code. Raises UsageError, HistoryError."""
    verb, rest = (words[0], words[1:]) if words else ("", [])
    if verb not in ("", *VERBS):
        raise UsageError(f"history {verb}: no such verb", f"use one of {', '.join(VERBS)}, or options alone")
    if verb != "merge" and rest:
        raise UsageError(f"history {verb}: too many arguments: {' '.join(rest)}", "see: supervisor history -h")
    if verb == "merge":
        return _merge(values, rest)
    if verb == "prune":
        return _prune(values)
    chosen = _chosen(values)
    with_limit = chosen if verb == "export" else chosen.with_(last=_rows(values))
    with _opened(values) as store:
        found = _find(store, with_limit, findings=True)
        if verb == "export":
            return _export(store, found, str(values["format"]))
    if values["json"]:
        from supervisor.views.data import dumps

        _print(dumps([_plain(one) for one in found]))
        return 0
    from supervisor.views.history import table

    runs = [(one.id, one.values, [_cause(*finding) for finding in one.findings]) for one in found]
    _print(table(runs, _when, stdio.width(1), _style(values)))
    return 0


def report(values: Values, words: list[str]) -> int:
    """Show the report of one recorded run again; the exit code. Raises UsageError, HistoryError."""
    if len(words) != 1:
        raise UsageError("report takes one run: its number, or last", "see the numbers with: supervisor history")
    chosen = selection.parse(words[0])
    with _opened(values) as store:
        found = _find(store, chosen.with_(last=1))
        if not found:
            raise HistoryError(f"no recorded run matches {words[0]}", "see: supervisor history")
        document = store.document(found[0].id)
    from supervisor.core.contract.codec import Malformed
    from supervisor.core.contract.report import read

    try:
        origin, ends = read(document)
    except Malformed as error:
        message = f"run {found[0].id} cannot be read: {error}"
        raise HistoryError(message, "another version wrote it; see --json") from None
    paths = values["report"] or ()
    assert isinstance(paths, tuple), "--report may be given again"
    from supervisor.views import formats, summary
    from supervisor.views.data import dumps

    for path in paths:
        if not path.endswith(formats.SUFFIXES):
            ends_like = ", ".join(formats.SUFFIXES)
            raise UsageError(f"--report {path}: no report format ends like that", f"use one of {ends_like}")
        from supervisor.system import writing

        # As it was recorded, also what a later version wrote that this one does not know.
        text = dumps(document) if path.endswith(".json") else formats.shutdowns(path, origin, ends)
        try:
            writing.write(path, text.encode(errors="replace"))
        except OSError as error:
            raise HistoryError(f"cannot write {path}: {error.strerror}", "give another PATH") from None
    if values["json"]:
        _print(dumps(document))
    elif not paths:
        head = f"run {found[0].id}, {_when(found[0].values['at'])}"
        _print(summary.text(ends[0], stdio.width(1), _style(values), head))
    return 0


def compare(values: Values, words: list[str]) -> int:
    """Compare two sets of recorded runs; 1 for a regression. Raises UsageError, HistoryError."""
    if len(words) != 2:
        raise UsageError("compare takes two sets of runs", "as in: supervisor compare tag=v1 tag=v2; last:20")
    with _opened(values) as store:
        sets = [_find(store, selection.parse(word), findings=True) for word in words]
    for word, found in zip(words, sets, strict=True):
        if not found:
            raise HistoryError(f"no recorded run matches {word}", "see: supervisor history")
        titles = sorted({title(one.values["worker"], one.values["instance"]) for one in found})
        if len(titles) > 1:
            raise UsageError(f"{word} has runs of several workers", f"add worker=NAME: {', '.join(titles[:8])}")
    from supervisor.diagnosis.statistics.compare import compared

    spans = [[one.values | _unless_killed(one.values) for one in found] for found in sets]
    causes = [[[_cause(*finding) for finding in one.findings] for one in found] for found in sets]
    outcomes = [[one.values["outcome"] for one in found] for found in sets]
    told = compared(spans[0], spans[1], causes[0], causes[1], (outcomes[0], outcomes[1]))
    if values["json"]:
        from supervisor.core.contract.drill import compared as plain
        from supervisor.views.data import dumps

        _print(dumps(plain(told)))
    else:
        from supervisor.views.history import comparison

        _print(comparison(told, (words[0], words[1]), stdio.width(1), _style(values)))
    return 1 if told.verdict == "regression" else 0


# ------------------------------------------------------------------ the verbs of history


def _merge(values: Values, paths: list[str]) -> int:
    if not paths:
        raise UsageError("history merge: no file", "as in: supervisor history merge other/history.db")
    for path in paths:
        other = Store(path, write=False)
        try:
            with _opened(values, write=True) as store:
                _print(f"{visible(path)}: {store.merge(other.rows())} runs taken over\n")
        finally:
            other.close()
    return 0


def _prune(values: Values) -> int:
    """Forget what is older than --before, or only what is too much."""
    before = _chosen(values).before
    with _opened(values, write=True) as store:
        count = store.prune(before=None if before is None else time.time() - before)
    _print(f"{count} runs forgotten\n")
    return 0


def _export(store: Store, found: list[Found], form: str) -> int:
    """Write runs to stdout, the oldest first: their values as CSV, or their reports, one JSON object a line."""
    if form == "csv":
        text = io.StringIO()
        rows = csv.writer(text, lineterminator="\n")
        rows.writerow(["id", *COLUMNS])
        rows.writerows([one.id, *(one.values[name] for name in COLUMNS)] for one in reversed(found))
        _print(text.getvalue())
        return 0
    import json

    for one in reversed(found):
        line = {**_plain(one), "report": store.document(one.id)}
        _print(json.dumps(line, ensure_ascii=True, separators=(",", ":")) + "\n")
    return 0


# ------------------------------------------------------------------ inside


@contextmanager
def _opened(values: Values, *, write: bool = False) -> Iterator[Store]:
    """Open the history that is meant, for as long as a block lasts. Raises HistoryError."""
    given = values["history"]
    try:
        path = given if isinstance(given, str) and given != place.OFF else place.default(os.environ)
        store = Store(place.prepared(path) if write else path, write=write)
    except place.NoPlace as error:
        raise HistoryError(f"there is no history: {error}", "name it with --history PATH") from None
    try:
        yield store
    finally:
        store.close()


def _chosen(values: Values) -> Selection:
    """Return the selection that the options of `history` make."""
    names = ("worker", "fleet", "tag", "outcome", "since", "before")
    parts = [f"{name}={values[name]}" for name in names if values[name]]
    return selection.parse(",".join(parts)) if parts else Selection()


def _rows(values: Values) -> int | None:
    given = str(values["last"] or ROWS)
    if not (given.isascii() and given.isdecimal() and len(given) <= 9):
        raise UsageError(f"-n {given}: not a whole number", "as in -n 50; 0 lists all")
    return int(given) or None


def _find(store: Store, chosen: Selection, *, findings: bool = False) -> list[Found]:
    wanted, bound, most = condition(chosen, time.time())
    return store.find(wanted, bound, most=most, findings=findings)


def _unless_killed(values: dict[str, Any]) -> dict[str, None]:
    """Return what to take out of a run that was killed: its total is "more than", no figure."""
    return {"total": None} if values["outcome"] in FORCED else {}


def _cause(code: str, file: str | None, line: int | None) -> str:
    return code if file is None else f"{code} {file.rpartition('/')[2]}:{line}"


def _plain(one: Found) -> dict[str, Any]:
    values = {**one.values, "argv": one.values["argv_redacted"].split("\0")}
    del values["argv_redacted"]
    return {"id": one.id, **values, "findings": [list(finding) for finding in one.findings]}


def _when(at: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M", time.localtime(at))


def _style(values: Values) -> Style:
    from supervisor.views.layout import ansi, plain

    return ansi if stdio.colored(str(values["color"]), 1, os.environ) else plain


def _print(text: str) -> None:
    if sys.stdout is not None:  # closed by whoever called us
        sys.stdout.write(text)
