"""``python -m supervisor.top SOCKET [--embedded]``: how `up` starts the dashboard, as a process of its own."""

from __future__ import annotations

import sys

from supervisor.core.visible import visible
from supervisor.errors import SupervisorError, UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence


def show(path: str, embedded: bool = False) -> int:
    """Show the fleet at this control socket until it ends; the exit code. Raises SupervisorError."""
    from supervisor.top.session import Client

    client = Client(path, embedded)
    code = client.run()
    if not embedded:  # `up` writes them itself
        for line in client.last_lines():
            print(line)
    if client.ending:
        print(f"supervisor: {visible(client.ending)}", file=sys.stderr)
    return code


def main(argv: Sequence[str]) -> int:
    """Run the dashboard with the process's own command line."""
    embedded = "--embedded" in argv
    paths = [word for word in argv if word != "--embedded"]
    try:
        if len(paths) != 1:
            raise UsageError("usage: python -m supervisor.top SOCKET [--embedded]", "users say: supervisor top")
        return show(paths[0], embedded)
    except SupervisorError as error:
        print(error.prefix + visible(error.message), file=sys.stderr)
        if error.hint:
            print(f"hint: {visible(error.hint)}", file=sys.stderr)
        return error.exit_code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
