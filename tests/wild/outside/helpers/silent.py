"""A server on 127.0.0.1:PORT that accepts and never answers: silent.py PORT."""

import socket
import sys

server = socket.create_server(("127.0.0.1", int(sys.argv[1])))
print("ready", flush=True)
kept = []
while True:
    kept.append(server.accept())
