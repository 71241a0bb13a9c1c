"""Starts `supervisor up` on a config of its own and waits for what it says. No wait depends on its length."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO, TYPE_CHECKING, Any

from supervisor.system.control import place
from tests.support.processes import PATIENCE, SUPERVISOR, Wrapped, until

if TYPE_CHECKING:
    from collections.abc import Mapping

NAME = "tested"
# What would change how anything looks. Empty is as good as unset (no-color.org).
LOOKS = ("NO_COLOR", "FORCE_COLOR", "CI")


def environment(folder: Path, **env: str) -> dict[str, str]:
    """Ours without what changes the looks, and with the control sockets below ``folder``."""
    runtime = folder / "r"
    runtime.mkdir(exist_ok=True)
    return os.environ | dict.fromkeys(LOOKS, "") | {"XDG_RUNTIME_DIR": str(runtime)} | env


def command(folder: Path, *arguments: str, **popen: Any) -> subprocess.CompletedProcess[str]:
    """Run one `supervisor` command to its end."""
    return subprocess.run(
        [SUPERVISOR, *arguments],
        env=environment(folder),
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        cwd=folder,
        check=False,
        **popen,
    )


class Up(Wrapped):
    """`supervisor up OPTIONS` on ``config`` (TOML without [fleet] name) in ``folder``; its streams are kept in files.

    A file, unlike a pipe that nobody reads, never holds the supervisor up.
    """

    def __init__(
        self, folder: Path, config: str, *options: str, env: Mapping[str, str] | None = None, **popen: Any
    ) -> None:
        self.folder = folder
        self._stdout: IO[bytes] = TemporaryFile()  # noqa: SIM115 - closed in __exit__
        (folder / "supervisor.toml").write_text(
            config if "[fleet]" in config else f'[fleet]\nname = "{NAME}"\n{config}'
        )
        given: dict[str, Any] = {"stdout": self._stdout, "cwd": folder, "argv": [SUPERVISOR, "up", *options]} | popen
        super().__init__((), env=environment(folder, **(env or {})), **given)

    def __enter__(self) -> Up:
        return self

    def __exit__(self, *error: Any) -> None:
        if error[0] is not None:
            print(f"--- stdout\n{self.stdout[-4000:]}")
        super().__exit__(*error)
        self._stdout.close()

    @property
    def stdout(self) -> str:
        """What came on stdout so far."""
        return os.pread(self._stdout.fileno(), 1 << 28, 0).decode(errors="surrogateescape")

    def saw(self, *texts: str) -> None:
        """Wait until each text was printed, on either stream."""
        for text in texts:
            until(lambda text=text: text in self.stdout or text in self.stderr or self._over(), repr(text))  # type: ignore[misc]  # mypy and default arguments of lambdas
            assert text in self.stdout or text in self.stderr, f"it ended without {text!r}"

    def _over(self) -> bool:
        return self.process.poll() is not None

    def interrupt(self) -> None:
        """What `kill -INT` does."""
        self.send(signal.SIGINT)

    def ended(self) -> int:
        """Interrupt it, wait; the exit code."""
        self.interrupt()
        return self.wait()

    @property
    def socket(self) -> Path:
        """The control socket."""
        config = os.path.realpath(self.folder / "supervisor.toml")
        return self.folder / "r" / "sigdrain" / place.key(NAME, config) / "control"

    def connect(self) -> Client:
        """A connection to the control socket, as soon as there is one."""
        return until(self._reached, "the control socket")  # type: ignore[no-any-return]  # what _reached returns

    def _reached(self) -> Client | None:
        """None while the socket is not there, or is a stale one, or somebody else's."""
        try:
            client = Client(self.socket)
        except (FileNotFoundError, ConnectionRefusedError):
            return None
        if client.server == self.pid:
            return client
        client.stream.close()
        return None

    def state(self) -> dict[str, dict[str, Any]]:
        """The workers by title."""
        with self.connect() as client:
            return {one["title"]: one for one in client.ask("status")["workers"]}

    def phases(self, **wanted: str) -> None:
        """Wait until these workers (``a_2`` stands for ``a.2``) are in these phases."""

        def reached() -> bool:
            state = self.state()
            return all(state[title.replace("_", ".")]["phase"] == phase for title, phase in wanted.items())

        until(reached, f"phases {wanted}")


class Client:
    """One connection to a control socket."""

    def __init__(self, path: Path) -> None:
        self.stream = socket.socket(socket.AF_UNIX)
        try:
            self.stream.connect(str(path))
        except OSError:
            self.stream.close()
            raise
        self.stream.settimeout(PATIENCE)
        self._text = b""

    @property
    def server(self) -> int:
        """The pid of whoever listens."""
        return int.from_bytes(self.stream.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12)[:4], "little")

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_: object) -> None:
        self.stream.close()

    def send(self, line: bytes) -> None:
        self.stream.sendall(line)

    def line(self) -> Any:
        """The next line, decoded; None at the end of the stream."""
        while b"\n" not in self._text:
            try:
                chunk = self.stream.recv(1 << 16)
            except ConnectionResetError:
                chunk = b""
            if not chunk:
                assert not self._text, "half a line"
                return None
            self._text += chunk
        line, _, self._text = self._text.partition(b"\n")
        return json.loads(line)

    def ask(self, do: str, **fields: Any) -> Any:
        """One request and its answer."""
        self.send(json.dumps({"v": 1, "do": do, **fields}).encode() + b"\n")
        return self.line()


def shutdowns(path: Path) -> dict[str, list[dict[str, Any]]]:
    """A JSON report: the shutdowns by title."""
    document = json.loads(path.read_text())
    assert document["schema"] == "supervisor.report/1"
    found: dict[str, list[dict[str, Any]]] = {}
    for one in document["shutdowns"]:
        title = f"{one['worker']}.{one['instance']}" if one["instance"] else one["worker"]
        found.setdefault(title, []).append(one)
    return found
