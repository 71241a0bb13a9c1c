"""A control socket that says what it is told to: ``fake.py SOCKET``, a process of its own.

Each line on stdin goes to the client as it is, ``close`` ends the connection. On stdout: ``listening``, ``asked
REQUEST`` for each line of the client, ``sent`` after each line was taken whole by the client's socket, ``gone``.
"""

from __future__ import annotations

import os
import selectors
import socket
import sys


def main(path: str) -> None:
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(path)
    listener.listen(1)
    print("listening", flush=True)
    peer, _ = listener.accept()
    ready = selectors.DefaultSelector()
    ready.register(peer, selectors.EVENT_READ)
    ready.register(0, selectors.EVENT_READ)
    typed = b""
    while True:
        for key, _ in ready.select():
            if key.fd == 0:
                typed += os.read(0, 1 << 16)
                *lines, typed = typed.split(b"\n")
                for line in lines:
                    if line == b"close":
                        return
                    # A blocking socket: a client that does not read holds this up.
                    peer.sendall(line + b"\n")
                    print("sent", flush=True)
            else:
                data = peer.recv(1 << 16)
                if not data:
                    print("gone", flush=True)
                    return
                print("asked", data.decode().strip(), flush=True)


if __name__ == "__main__":
    main(sys.argv[1])
