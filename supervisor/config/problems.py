"""Collects what is wrong with a config, by key path; positions are added later. Pure."""

from __future__ import annotations

from supervisor.core.frozen import Frozen

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from supervisor.config.complaint import Complaint, Severity
    from supervisor.config.locate import Path

# A file of another tool under our name could have a complaint per line; nobody reads on after so many.
MOST = 200


class Problem(Frozen):
    """``on_key``: the complaint points at the key of ``path``, else at its value."""

    path: Path
    message: str
    severity: Severity
    hint: str = ""
    on_key: bool = False


class Problems:
    """All problems of one config, each once. Messages begin with the table they concern."""

    def __init__(self) -> None:
        self.listed: list[Problem] = []
        self.elsewhere: list[Complaint] = []
        self._seen: set[tuple[Path, str]] = set()

    @property
    def full(self) -> bool:
        """Return whether enough was found: further problems are dropped."""
        return len(self.listed) >= MOST

    @property
    def failed(self) -> bool:
        """Return whether at least one problem is an error."""
        severities = [problem.severity for problem in self.listed]
        return "error" in severities or any(found.severity == "error" for found in self.elsewhere)

    def value(self, path: Path, message: str, hint: str = "", severity: Severity = "error") -> None:
        """Report that the value at ``path`` is wrong; ``message`` goes on from its name: ``must be …``."""
        table, key, index = split(path)
        name = f'"{key}"' if index is None else f'item {index + 1} of "{key}"'
        self._add(Problem(path, f"{label(table)}{name} {message}", severity, hint))

    def key(self, path: Path, message: str, hint: str = "", severity: Severity = "error") -> None:
        """Report that the key itself is wrong; ``message`` is a sentence."""
        self._add(Problem(path, label(split(path)[0]) + message, severity, hint, on_key=True))

    def table(self, path: Path, message: str, hint: str = "", severity: Severity = "error") -> None:
        """Report that the table at ``path`` lacks something or has a wrong name; ``message`` is a sentence."""
        self._add(Problem(path, label(path) + message, severity, hint, on_key=True))

    def warn(self, path: Path, message: str, hint: str = "") -> None:
        """Report that the value at ``path`` works, but hardly as intended."""
        self.value(path, message, hint, "warning")

    def _add(self, problem: Problem) -> None:
        mark = (problem.path, problem.message)
        if mark not in self._seen and not self.full:
            self._seen.add(mark)
            self.listed.append(problem)


def split(path: Path) -> tuple[Path, str, int | None]:
    """Split ``("worker", "api", "command", 2)`` into its table, its key and its first index in the value."""
    end = next((place for place, part in enumerate(path) if place and isinstance(part, int)), len(path))
    index = path[end] if end < len(path) else None
    return path[: end - 1], str(path[end - 1]), index if isinstance(index, int) else None


def label(table: Path) -> str:
    """Return ``[worker.api] ``, empty for the top of the file."""
    return f"[{dotted(table)}] " if table else ""


def dotted(path: Path) -> str:
    """Return a path as TOML writes it; parts that are no bare keys are quoted."""
    return ".".join(part if _bare(part) else f'"{part}"' for part in map(str, path))


def _bare(part: str) -> bool:
    return bool(part) and part.isascii() and part.replace("-", "_").replace("_", "0").isalnum()


def nearest(word: str, known: Iterable[str], alike: float = 0.65) -> str:
    """Return the known word that was probably meant, or an empty text; ``alike``: how similar they must be, of 1."""
    import difflib  # only when something is wrong

    names = {name.lower(): name for name in known}
    found = difflib.get_close_matches(word.lower(), names, 1, alike)
    return names[found[0]] if found else ""
