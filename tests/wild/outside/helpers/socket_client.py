"""Open a web socket on 127.0.0.1:PORT/PATH and read it until its end: socket_client.py PORT PATH."""

import sys

from websockets.sync.client import connect

with connect(f"ws://127.0.0.1:{sys.argv[1]}{sys.argv[2]}") as socket:
    for _ in socket:
        pass
