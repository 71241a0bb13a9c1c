"""The errors a user can mend, split by whose turn it is. Anything else is a bug of ours and keeps its traceback."""

from __future__ import annotations


class SupervisorError(Exception):
    """A message of the form "what, where", a hint that says what to do, and the exit code to leave with.

    ``exit_code`` 2 usage or config, 125 our own failure, 126 not executable, 127 not found
    (docs/architecture.md, "Stop semantics").
    """

    exit_code = 125
    prefix = "supervisor: "

    def __init__(self, message: str, hint: str = "", listed: tuple[str, ...] = ()) -> None:
        """Make an error; ``listed`` is what the message speaks of, each on a line of its own."""
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.listed = listed


class UsageError(SupervisorError):
    """The command line must be changed."""

    exit_code = 2


class ConfigError(SupervisorError):
    """The config file must be edited."""

    exit_code = 2


class SpawnError(SupervisorError):
    """The command must be fixed: it could not be started."""

    def __init__(self, message: str, hint: str, exit_code: int) -> None:
        super().__init__(message, hint)
        self.exit_code = exit_code


class ControlError(SupervisorError):
    """Nobody is listening, or somebody else is."""

    exit_code = 1


class HistoryError(SupervisorError):
    """The history cannot be read or written."""

    exit_code = 1
