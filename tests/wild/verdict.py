"""Was the explanation right? Pure: one played case in, one verdict out."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import PurePath
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tests.wild.case import Case
    from tests.wild.play import Played

LOUD = ("error", "warning")


@dataclass(frozen=True)
class Verdict:
    """``word``: right, partly (a marked line is elsewhere in the report), missed, quiet, false alarm, or not shown
    (the program did not do what it was written for: no verdict on the explanation)."""

    name: str
    word: str
    told: str  # the findings in one line

    @property
    def ok(self) -> bool:
        return self.word in ("right", "quiet")

    @property
    def shown(self) -> bool:
        return self.word != "not shown"


def judge(case: Case, played: Played) -> Verdict:
    def verdict(word: str, told: str) -> Verdict:
        return Verdict(case.name, word, told)

    if (fault := unlike(case, played)) is not None:
        return verdict("not shown", fault)
    if played.shutdown is None:
        return verdict("missed", "no report")
    findings = played.shutdown["findings"]
    told = ", ".join(map(_short, findings)) or "nothing"
    if case.good:
        return verdict("false alarm" if any(one["severity"] in LOUD for one in findings) else "quiet", told)
    if any(one["code"] == case.excluded for one in findings):
        return verdict("missed", f"{case.excluded} is wrong: {told}")
    if findings and _right(case, findings[0]):
        return verdict("right", told)
    return verdict("partly" if case.marked and _mentioned(case, played.shutdown) else "missed", told)


def unlike(case: Case, played: Played) -> str | None:
    """In which way the program did not do what its header says; None when it did."""
    if not played.ready:
        return "it was never ready"
    if case.takes is not None and played.seconds < case.takes:
        return f"it took {played.seconds:.2f} s, and should take {case.takes} s"
    if case.said is not None and case.said not in played.output:
        return f"it did not print {case.said!r}"
    if case.lost is not None and case.lost in played.output:
        return f"it printed {case.lost!r}"
    return None


def _right(case: Case, first: dict[str, Any]) -> bool:
    """Everything that the header asks for holds of this finding."""
    if case.codes and first["code"] not in case.codes:
        return False
    if case.words not in json.dumps(first, ensure_ascii=False):
        return False
    return not case.marked or _at(case, first.get("where"))


def _at(case: Case, where: dict[str, Any] | None) -> bool:
    return where is not None and PurePath(where["file"]).name == case.path.name and where["line"] in case.marked


def _mentioned(case: Case, shutdown: dict[str, Any]) -> bool:
    places = [one.get("where") for one in (*shutdown["findings"], *shutdown["critical_path"])]
    text = json.dumps(shutdown)
    return any(_at(case, where) for where in places) or any(
        f"{case.path.name}:{line}{end}" in text for line in case.marked for end in ' ",;:'
    )


def _short(finding: dict[str, Any]) -> str:
    where = finding.get("where")
    place = f" {PurePath(where['file']).name}:{where['line']}" if where else ""
    return f"{finding['severity'][0]} {finding['code']}{place}"
