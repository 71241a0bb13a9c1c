"""Where a report goes: stderr that nobody reads, links; and command lines that are no UTF-8."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path

from tests.support.processes import PATIENCE, SUPERVISOR, Wrapped, until

DEAF = ["sh", "-c", "trap '' TERM; echo ready; while :; do sleep 60; done"]


def full_pipe() -> tuple[int, int]:
    """A pipe into which nothing more goes."""
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    for size in (4096, 1):
        try:
            while True:
                os.write(writer, b"x" * size)
        except BlockingIOError:
            pass
    os.set_blocking(writer, True)
    return reader, writer


def test_the_ladder_waits_for_no_reader_of_stderr() -> None:
    """A note in the middle of the run does not block; the report at the end waits a little, and then goes out."""
    reader, writer = full_pipe()
    with Wrapped(DEAF, "-v", "--rewrite", "HUP:0", "--grace", "0.2", stderr=writer) as wrapped:
        os.close(writer)
        wrapped.ready()
        wrapped.send(signal.SIGHUP)  # dropped, which -v tells
        wrapped.send(signal.SIGTERM)
        until(lambda: wrapped.alive() == [wrapped.pid], "the deaf worker killed")
        said = b""
        while chunk := os.read(reader, 65536):
            said += chunk
        assert wrapped.wait() == -signal.SIGKILL
    os.close(reader)
    text = said.lstrip(b"x").decode()
    assert text.startswith("supervisor: sh") and "had to be killed" in text


def test_a_command_line_that_is_no_utf8_gives_a_report_that_is(tmp_path: Path) -> None:
    path = tmp_path / "run.json"
    argv = [os.fsencode(SUPERVISOR), b"run", b"--report", os.fsencode(path), b"--", b"true", b"caf\xe9", "é".encode()]
    with Wrapped((), argv=argv) as wrapped:  # type: ignore[arg-type]  # Popen takes bytes as well
        assert wrapped.process.wait(PATIENCE) == 0
    (shutdown,) = json.loads(path.read_text(encoding="utf-8"))["shutdowns"]
    assert shutdown["argv"] == ["true", "caf\ufffd", "é"]


def test_a_report_behind_a_link_goes_where_the_link_leads(tmp_path: Path) -> None:
    place, link = tmp_path / "real.json", tmp_path / "latest.json"
    link.symlink_to(place)
    for before in (None, "old"):
        if before is not None:
            place.write_text(before)
        with Wrapped(["true"], "--report", str(link)) as wrapped:
            assert wrapped.wait() == 0
        assert link.is_symlink() and json.loads(place.read_text())["schema"] == "supervisor.report/1"
    assert sorted(tmp_path.iterdir()) == [link, place]
