"""A drill as JUnit XML, the subset that GitLab, Jenkins and GitHub's readers share: figures in the messages. Pure."""

from __future__ import annotations

from xml.etree.ElementTree import Element, SubElement, indent, tostring

from supervisor.core.visible import shown
from supervisor.views.finding import place

TYPE_CHECKING = False
if TYPE_CHECKING:
    from supervisor.core.drilled import Drilled


def text(one: Drilled) -> str:
    """Return a document with a test case for each worker's stops and one for each demand of the budget."""
    from supervisor.views.drill import sureness

    one = shown(one)
    failures = sum(not verdict.kept for verdict in one.verdicts)
    suite = Element("testsuite", name="shutdown drill", errors=str(int(one.stopped is not None)))
    suite.set("tests", str(len(one.figures) + len(one.verdicts) + int(one.stopped is not None)))
    suite.set("failures", str(failures))
    for figures in one.figures:
        total = figures.span("total")
        took = (total.most if total and total.most is not None else total.beyond if total else None) or 0.0
        name = f"{figures.worker or 'the whole fleet'}{' while starting' if figures.population == 'starting' else ''}"
        case = SubElement(suite, "testcase", classname="drill", name=name, time=f"{took:.3f}")
        said = [sureness(total)] if total else []
        said += [
            f"{cause.severity} {cause.code} in {len(cause.runs)} runs: {cause.title}" for cause in figures.causes
        ]
        SubElement(case, "system-out").text = "\n".join(said)
    for verdict in one.verdicts:
        case = SubElement(suite, "testcase", classname="drill.budget", name=verdict.demand, time="0")
        if not verdict.kept:
            at = f" at {place(verdict.where)}" if verdict.where is not None else ""
            failure = SubElement(case, "failure", message=f"{verdict.demand}: {verdict.found}{at}", type="budget")
            failure.text = f"{verdict.found}{at}"
    if one.stopped is not None:
        case = SubElement(suite, "testcase", classname="drill", name="the drill was carried out", time="0")
        SubElement(case, "error", message=one.stopped, type="drill")
    root = Element("testsuites")
    root.append(suite)
    indent(root)
    return '<?xml version="1.0" encoding="utf-8"?>\n' + tostring(root, encoding="unicode") + "\n"
