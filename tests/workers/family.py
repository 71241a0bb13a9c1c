"""Starts descendants of a given kind and prints ``ready`` with their pids.

``family.py KIND COUNT [stay]``: ``group`` members of the process group, ``session`` processes with a session of
their own, ``daemon`` double-forked ones. Without ``stay`` the main process exits 0 at once. Descendants sleep.
"""

import os
import signal
import sys

kind, count = sys.argv[1], int(sys.argv[2])
pids = []
for _ in range(count):
    reader, writer = os.pipe()
    pid = os.fork()
    if pid == 0:
        if kind != "group":
            os.setsid()
        if kind == "daemon" and os.fork():
            os._exit(0)
        if "deaf" in sys.argv:
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
        os.write(writer, str(os.getpid()).encode())
        os.close(writer)
        if "silent" in sys.argv:
            for fd in (0, 1, 2):
                os.close(fd)
        while True:
            signal.pause()
    os.close(writer)
    pids.append(os.read(reader, 20).decode())
    os.close(reader)
    if kind == "daemon":
        os.waitpid(pid, 0)
print("ready", *pids, flush=True)
if "stay" in sys.argv:
    while True:
        signal.pause()
