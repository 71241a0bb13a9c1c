"""One finding as text for a terminal and as Markdown, the same wherever a finding is shown. Pure."""

from __future__ import annotations

from supervisor.core.units import duration, plural
from supervisor.diagnosis.evidence.frames import line_of, origin, short
from supervisor.views.layout import TONE, cut, plain, wrap

TYPE_CHECKING = False
if TYPE_CHECKING:
    from supervisor.core.record import Finding, Link, Where
    from supervisor.views.layout import Style

# Proofs shown on a terminal: the first ones prove it, all of them are in the report.
MOST_PROOFS = 4
# Steps of a chain of waits that are shown; one alone says no more than the finding's title.
MOST_STEPS, LEAST_STEPS = 7, 2


def place(where: Where) -> str:
    """Return ``queue.py:41 consume``."""
    return f"{line_of(where)} {where.function}"


def text(finding: Finding, width: int, style: Style = plain, proofs: int = MOST_PROOFS) -> list[str]:
    """Return the finding as lines of at most ``width`` columns, indented by two; ``proofs`` of its proofs at most."""
    figure = f" · {duration(finding.seconds)}" if finding.seconds else ""
    out = [f"  {style(finding.severity, TONE[finding.severity])} {style(finding.code, 'bold')}{figure}"]
    out += [f"    {line}" for line in wrap(finding.title, width - 4)]
    if finding.where is not None:
        out += [f"    {line}" for line in wrap(f"at {place(finding.where)}", width - 4)]
        if finding.where.source:
            out.append("      " + style(cut(finding.where.source, width - 6), "dim"))
    steps = ladder(finding.chain, width, style)
    out += ["    " + style("who waits for whom", "dim"), *steps] if steps else []
    for proof in finding.proof[:proofs]:
        out += _item("-", proof, width, style)
    more = len(finding.proof) - proofs
    if more > 0:
        out.append(style(f"    - and {plural(more, 'more fact')} in the report", "dim"))
    out += [f"    {line}" for line in wrap(f"→ {finding.advice}", width - 4, "  ")]
    for other in finding.also:
        out += _item("also seen:", other, width, style)
    return out


def ladder(chain: tuple[Link, ...], width: int, style: Style = plain, indent: str = "      ") -> list[str]:
    """Return who waits for whom as a ladder, from the exit down to the cause; nothing where only one waits.

    Lines of the program's own stand out from those of libraries.
    """
    if len(chain) < LEAST_STEPS:
        return []
    out: list[str] = []
    for depth, (told, own) in enumerate(_steps(chain)):
        first = indent + ("  " * (depth - 1) + "└ " if depth else "")
        for index, line in enumerate(wrap(told, width - len(first))):
            out.append((" " * len(first) if index else first) + (line if own else style(line, "dim")))
    return out


def _steps(chain: tuple[Link, ...]) -> list[tuple[str, bool]]:
    """Return (text, whether it is a line of the program's own) of each step; a long chain without its middle."""
    steps = [(step(link), link.where is not None and origin(link.where.file) == "user") for link in chain]
    if len(steps) > MOST_STEPS:
        left_out = len(steps) - MOST_STEPS + 1
        steps[2 : 2 + left_out] = [(f"… {plural(left_out, 'more step')} …", False)]
    return steps


def step(link: Link) -> str:
    """Return ``main waits for an event at shop.py:52 lifespan``, with its place where the words have none."""
    if link.where is None or line_of(link.where) in link.what:
        return link.what
    return f"{link.what} at {place(link.where)}"


def _item(mark: str, value: str, width: int, style: Style) -> list[str]:
    return [style(f"    {line}", "dim") for line in wrap(f"{mark} {value}", width - 4, "  ")]


# ------------------------------------------------------------------ Markdown


def markdown(finding: Finding) -> list[str]:
    """Return the finding as a section of a Markdown report."""
    figure = f", {duration(finding.seconds)}" if finding.seconds else ""
    out = [f"### {finding.severity}: {finding.code}{figure}", "", f"{escaped(finding.title)}.", ""]
    if finding.where is not None:
        at = code(f"{short(finding.where.file)}:{finding.where.line}")
        out.append(f"At {at} {code(finding.where.function)}")
        if finding.where.source:
            fence = _fence(finding.where.source, "```")
            out += ["", fence, finding.where.source, fence]
        out.append("")
    if len(finding.chain) >= LEAST_STEPS:
        out += ["Who waits for whom:", "", *(f"1. {escaped(step(link))}" for link in finding.chain), ""]
    out += [f"- {escaped(proof)}" for proof in finding.proof]
    if finding.proof:
        out.append("")
    out += [f"**What to do:** {escaped(finding.advice)}", ""]
    if finding.also:
        out += ["Also seen:", "", *(f"- {escaped(other)}" for other in finding.also), ""]
    return out


def code(value: str) -> str:
    """Return the text as inline code, also when it holds backticks (CommonMark, code spans)."""
    fence = _fence(value, "`")
    pad = " " if value.startswith("`") or value.endswith("`") else ""
    return f"{fence}{pad}{value}{pad}{fence}"


def _fence(value: str, fence: str) -> str:
    """Return backticks that do not occur in the text."""
    while fence in value:
        fence += "`"
    return fence


def escaped(value: str) -> str:
    """Return text that Markdown does not read as markup: a task may be called ``*`` or ``<b>``."""
    for char in "\\`*_<>|[]":
        value = value.replace(char, "\\" + char)
    return value
