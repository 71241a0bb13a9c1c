"""What the commands `supervisor` and `sigdrain` import: installed at the top level under this name of its own.

supervisord (distribution `supervisor`) installs an import package `supervisor` too. In one environment the two
overwrite each other; then this module still is ours and can say so instead of failing with an ImportError.
"""

import _signal
import os
import sys

# Ctrl-C in the first instants ends us as it ends any program; Python would print a traceback. `run` and `up` take all
# signals over before they start anything. Without `import signal`, which loads enum.
if _signal.getsignal(_signal.SIGINT) is not _signal.SIG_IGN:
    _signal.signal(_signal.SIGINT, _signal.SIG_DFL)


def main() -> int:
    """Run the command line. Returns the exit code."""
    path = list(sys.path)
    sys.path[:] = _ours(path)
    try:
        from supervisor.entry import main as run
    except ModuleNotFoundError:
        # We may ourselves have been found through PYTHONPATH.
        sys.path[:] = path
        sys.modules.pop("supervisor", None)
        return _again()
    return run(sys.argv[1:])


def _ours(path: list[str]) -> list[str]:
    """Return where to look for our modules.

    PYTHONPATH is the worker's: a project's own folder `supervisor` there must not be taken for ours. The command's
    folder, which Python has put first, has no modules, and each import would look there.
    """
    if path and path[0] == os.path.dirname(sys.argv[0]):
        path = path[1:]
    theirs = os.environ.get("PYTHONPATH")
    if not theirs:
        return path
    places = {os.path.abspath(place) for place in theirs.split(os.pathsep)}
    return [place for place in path if os.path.abspath(place) not in places]


def _again() -> int:
    try:
        from supervisor.entry import main as run
    except ModuleNotFoundError as error:
        if error.name is None or not error.name.startswith("supervisor"):
            raise
        sys.stderr.write(_clash())
        return 125
    return run(sys.argv[1:])


def _clash() -> str:
    import supervisor

    place = getattr(supervisor, "__file__", None) or next(iter(getattr(supervisor, "__path__", ["?"])))
    return (
        f"supervisor: the package `supervisor` at {place} is not sigdrain's, probably supervisord's: both install"
        " a package of that name, and here the other one won\n"
        "hint: install sigdrain into an environment of its own: pipx install sigdrain, or uv tool install sigdrain\n"
    )
