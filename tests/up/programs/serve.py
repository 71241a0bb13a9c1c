"""Listens on a TCP port, or on a Unix socket by its path, and answers each connection in one way."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import sys
import time

ANSWERS = {
    "ok": b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
    "late": b"HTTP/1.0 204 No Content\r\n\r\n",
    "redirect": b"HTTP/1.1 302 Found\r\nLocation: http://elsewhere/\r\n\r\n",
    "garbage": b"SSH-2.0-OpenSSH_9.2\r\n",
}


def main(place: str, what: str) -> None:
    """Serve until killed; ``hang`` never answers, ``gigabyte`` never stops, ``sick`` says yes five times."""
    signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
    if what == "late":
        time.sleep(0.3)
    if place.isdecimal():
        listening = socket.create_server(("127.0.0.1", int(place)))
    else:
        listening = socket.socket(socket.AF_UNIX)
        listening.bind(place)
        listening.listen()
    kept: list[socket.socket] = []
    count = 0
    while True:
        connection = listening.accept()[0]
        count += 1
        if what == "hang" or (what == "sick" and count > 5):
            kept.append(connection)
            continue
        with contextlib.suppress(OSError), connection:
            if what == "gigabyte":
                for _ in range(1 << 10):
                    connection.sendall(bytes(1 << 20))
            elif what != "plain":
                connection.recv(4096)
                connection.sendall(ANSWERS.get(what, ANSWERS["ok"]))


if __name__ == "__main__":
    main(*sys.argv[1:])
