"""Judges the diagnosis by the corpus: every program under the real `supervisor run`, its report against its header.

``python -m tests.corpus.evaluate [--python 3.12] [--only GLOB] [--json FILE]``; see README.md. Knows no rule.
"""

from __future__ import annotations

import argparse
import fnmatch
import json
import os
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.corpus.drive import DriveError, interpreters, label, lacks, run
from tests.corpus.manifest import Program, Version, load

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

SUPERVISOR = Path(sys.executable).with_name("supervisor")
# How far a finding's seconds may be off: the larger of the two.
SHARE = 0.20
LEAST = 0.10


@dataclass(frozen=True)
class Verdict:
    """One run judged. ``code``, ``place``, ``seconds``: right or wrong, ``None`` where the header asks for nothing.

    ``found`` has the findings in their order as (code, severity); ``wrong`` says in words what was not right.
    """

    program: str
    python: str
    kind: str
    expect: str
    firsts: tuple[str, ...]
    also: tuple[str, ...]
    found: tuple[tuple[str, str], ...]
    code: bool | None
    place: bool | None
    seconds: bool | None
    wrong: tuple[str, ...]
    again: int = 0  # runs before this one that were off in their seconds alone

    @property
    def alarms(self) -> tuple[str, ...]:
        """Codes told as warning or error that nothing in the header allows."""
        allowed = {*self.firsts, *self.also} if self.kind == "bad" else set()
        return tuple(code for code, severity in self.found if severity != "note" and code not in allowed)


def judge(program: Program, version: Version, shutdown: dict[str, Any]) -> Verdict:
    """The report's shutdown against the header; ``program`` is that of the version (:meth:`Program.on`)."""
    findings = shutdown["findings"]
    found = tuple((one["code"], one["severity"]) for one in findings)
    verdict = Verdict(
        program.id, label(version), program.kind, program.expect, tuple(sorted(program.firsts)),
        tuple(sorted(program.also)), found, None, None, None, (),
    )  # fmt: skip
    if program.kind == "good":
        loud = [_said(one) for one in findings if one["severity"] != "note"]
        return replace(verdict, wrong=tuple(f"false alarm: {text}" for text in loud))
    if not findings:
        return replace(verdict, code=False, wrong=(f"expected {program.expect}, got no finding",))
    first = findings[0]
    wrong = []
    code = first["code"] in program.firsts
    if not code:
        wrong.append(f"expected {'/'.join(sorted(program.firsts))}, got {'; '.join(_said(one) for one in findings)}")
    place = _place(program, first["where"])
    if place is False:
        lines = " or ".join(f"{one.line} {one.function}" for one in program.lines)
        wrong.append(f"expected line {lines}, got {_at(first['where'])} for {first['code']}")
    seconds = None
    if program.seconds is not None:
        took = first["seconds"]
        seconds = took is not None and abs(took - program.seconds) <= max(SHARE * program.seconds, LEAST)
        if not seconds:
            wrong.append(f"expected {program.seconds} s, got {took} for {first['code']}")
    return replace(verdict, code=code, place=place, seconds=seconds, wrong=tuple(wrong))


def _place(program: Program, where: dict[str, Any] | None) -> bool | None:
    if program.where is None:
        return None
    if where is None:
        return program.where_optional
    if Path(where["file"]).name != program.path.name:
        return False
    function = where["function"].rpartition(".")[2]
    return (where["line"], function) in {(place.line, place.function) for place in program.lines}


def _said(finding: dict[str, Any]) -> str:
    took = f" {finding['seconds']:.2f} s" if finding["seconds"] else ""
    return f"{finding['severity']} {finding['code']}{took} at {_at(finding['where'])}"


def _at(where: dict[str, Any] | None) -> str:
    return f"{Path(where['file']).name}:{where['line']} {where['function']}" if where else "no line"


# ------------------------------------------------------------------ running


def evaluate(program: Program, version: Version, python: Path, retries: int, keep: Path | None = None) -> Verdict:
    """Run it and judge; a run that is off in nothing but its seconds is repeated: the machine may have been busy."""
    truth = program.on(version)
    verdict = _once(truth, version, python, keep)
    for again in range(1, retries + 1):
        if verdict.seconds is not False or verdict.code is False or verdict.place is False:
            break
        verdict = replace(_once(truth, version, python, keep), again=again)
    return verdict


def _once(truth: Program, version: Version, python: Path, keep: Path | None) -> Verdict:
    with tempfile.TemporaryDirectory(prefix="sigdrain-corpus-") as folder:
        report = Path(folder, "report.json")
        prefix = [str(SUPERVISOR), "run", "--report", str(report), "--grace", f"{truth.grace:g}", "--quiet", "--"]
        # Bytecode is cached as it is in production: a worker that compiles its packages is slow to start.
        environ = {key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"}
        environ["PYTHONPYCACHEPREFIX"] = str(Path(tempfile.gettempdir(), f"sigdrain-corpus-pyc-{os.getuid()}"))
        try:
            run(truth, python, prefix=prefix, environ=environ)
            shutdown = json.loads(report.read_text("utf-8"))["shutdowns"][-1]
        except (DriveError, OSError, IndexError) as error:
            wrong = (f"no report: {type(error).__name__}: {error}",)
            empty: dict[str, Any] = {"findings": []}
            return replace(judge(truth, version, empty), code=False, wrong=wrong)
        if keep is not None:
            keep.mkdir(parents=True, exist_ok=True)
            report.replace(keep / f"{truth.path.stem}-{label(version)}.json")
    return judge(truth, version, shutdown)


def evaluate_all(
    programs: Sequence[Program], pythons: dict[Version, Path], jobs: int, retries: int, keep: Path | None
) -> Iterable[Verdict]:
    """All verdicts as they come, interpreter by interpreter."""
    work = [
        partial(_unless_lacking, program, version, python, retries, keep)
        for version, python in pythons.items()
        for program in programs
        if program.runs_on(version)
    ]
    with ThreadPoolExecutor(jobs) as pool:
        for verdict in pool.map(lambda judged: judged(), work):
            if verdict is not None:
                yield verdict


def _unless_lacking(
    program: Program, version: Version, python: Path, retries: int, keep: Path | None
) -> Verdict | None:
    missing = lacks(program, python)
    if missing:
        print(f"skip {program.id} {label(version)}: needs {' '.join(missing)}", file=sys.stderr, flush=True)
        return None
    return evaluate(program, version, python, retries, keep)


# ------------------------------------------------------------------ tables


def summary(verdicts: Sequence[Verdict]) -> str:
    """Markdown: one row an interpreter, then one a code, then the misses with what was said."""
    out = ["| python | bad | code right | place right | seconds right | good | false alarms |",
           "|---|---:|---:|---:|---:|---:|---:|"]  # fmt: skip
    versions = sorted({one.python for one in verdicts}, key=lambda text: tuple(map(int, text.split("."))))
    out += [_row(name, [one for one in verdicts if one.python == name]) for name in versions]
    if len(versions) > 1:
        out.append(_row("all", verdicts))
    out += ["", *_codes(verdicts)]
    repeated = [f"{one.program} {one.python}" for one in verdicts if one.again]
    if repeated:
        out += ["", f"Run again, because only their seconds were off: {', '.join(repeated)}."]
    misses = [one for one in verdicts if one.wrong]
    out += ["", f"{len(misses)} misses of {len(verdicts)} runs"]
    out += [f"- {one.program} {one.python}: {text}" for one in misses for text in one.wrong]
    extra = [one for one in verdicts if one.kind == "bad" and one.code and one.alarms]
    if extra:
        out += ["", "Said besides, in bad programs, though the header does not expect it:"]
        out += [f"- {one.program} {one.python}: {', '.join(one.alarms)}" for one in extra]
    return "\n".join(out)


def _row(name: str, verdicts: Sequence[Verdict]) -> str:
    bad = [one for one in verdicts if one.kind == "bad"]
    good = [one for one in verdicts if one.kind == "good"]
    alarms = sum(bool(one.wrong) for one in good)
    cells = [_share([one.code for one in bad]), _share([one.place for one in bad]),
             _share([one.seconds for one in bad])]  # fmt: skip
    return f"| {name} | {len(bad)} | {' | '.join(cells)} | {len(good)} | {alarms} |"


def _share(asked: Iterable[bool | None]) -> str:
    judged = [one for one in asked if one is not None]
    return f"{sum(judged)}/{len(judged)}"


def _codes(verdicts: Sequence[Verdict]) -> list[str]:
    """Precision: of the times it came first (or as an alarm), how often rightly; recall: of the times it was due."""
    out = ["| code | due | found | recall | said | rightly | precision |", "|---|---:|---:|---:|---:|---:|---:|"]
    codes = {one.expect for one in verdicts} | {code for one in verdicts for code in one.alarms}
    for code in sorted(codes - {"none"}):
        due = [one for one in verdicts if one.expect == code]
        found = [one for one in due if one.code]
        first = [one for one in verdicts if one.kind == "bad" and one.found and one.found[0][0] == code]
        right = sum(bool(one.code) for one in first)
        others = sum(one.alarms.count(code) for one in verdicts if one not in first)
        said = len(first) + others
        out.append(
            f"| {code} | {len(due)} | {len(found)} | {_percent(len(found), len(due))} "
            f"| {said} | {right} | {_percent(right, said)} |"
        )
    return out


def _percent(part: int, whole: int) -> str:
    return f"{100 * part / whole:.0f} %" if whole else "-"


def main(arguments: Sequence[str] | None = None) -> int:
    """0 when nothing was missed, 1 otherwise, 2 when nothing could be run."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--python", default="", help="versions, such as 3.12,3.11; default: all that are found")
    parser.add_argument("--only", action="append", default=[], help="a pattern for ids, such as 'bad/uvicorn*'")
    parser.add_argument("--jobs", type=int, default=1, help="runs at a time; more than 1 falsifies seconds")
    parser.add_argument("--shard", default="1/1", help="K/N: only each Nth program, from the Kth on")
    parser.add_argument("--retries", type=int, default=2, help="further runs where only the seconds are off")
    parser.add_argument("--packages", choices=("any", "none"), default="any", help="none: only what needs none")
    parser.add_argument("--json", type=Path, help="write the verdicts there")
    parser.add_argument("--keep", type=Path, help="a folder for the reports, one file a run")
    parser.add_argument("--read", type=Path, action="append", default=[], help="tabulate written verdicts instead")
    options = parser.parse_args(arguments)
    if options.read:
        verdicts = [Verdict(**_tuples(one)) for path in options.read for one in json.loads(path.read_text())]
    else:
        verdicts = _run_chosen(options)
    if options.json:
        options.json.write_text(json.dumps([asdict(one) for one in verdicts], indent=1))
    print(summary(verdicts))
    if not verdicts:
        return 2
    return 1 if any(one.wrong for one in verdicts) else 0


def _run_chosen(options: argparse.Namespace) -> list[Verdict]:
    wanted = [text for text in options.python.split(",") if text]
    pythons = {version: path for version, path in interpreters(wanted).items() if not wanted or label(version) in wanted}
    pythons = dict(sorted(pythons.items(), key=lambda pair: wanted.index(label(pair[0])) if wanted else 0))
    first, _, every = options.shard.partition("/")
    programs = [
        program
        for program in load()
        if (not options.only or any(fnmatch.fnmatch(program.id, pattern) for pattern in options.only))
        and not (options.packages == "none" and program.packages)
    ][int(first) - 1 :: int(every)]
    verdicts = []
    for one in evaluate_all(programs, pythons, options.jobs, options.retries, options.keep):
        verdicts.append(one)
        said = one.found[0] if one.found else ("nothing", "")
        print(f"{'MISS' if one.wrong else 'ok  '} {one.python:5} {one.program:28} {said[1]:7} {said[0]}",
              file=sys.stderr, flush=True)  # fmt: skip
        for text in one.wrong:
            print(f"       {text}", file=sys.stderr, flush=True)
    return verdicts


def _tuples(one: dict[str, Any]) -> dict[str, Any]:
    """A verdict as JSON gives it back: lists for tuples."""
    plain = {key: tuple(value) if isinstance(value, list) else value for key, value in one.items()}
    return plain | {"found": tuple((code, severity) for code, severity in one["found"])}


if __name__ == "__main__":
    sys.exit(main())
