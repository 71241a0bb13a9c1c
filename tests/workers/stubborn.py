"""Handles its stop signals by printing their names, and never ends.

Arguments: names of signals to ignore instead. ``ready PID`` is printed when everything is in place.
"""

import os
import signal
import sys

for name in ("SIGTERM", "SIGINT", "SIGQUIT", "SIGHUP"):
    number = getattr(signal, name)
    if name in sys.argv:
        signal.signal(number, signal.SIG_IGN)
    else:
        signal.signal(number, lambda number, _: os.write(1, (signal.Signals(number).name + "\n").encode()))
print("ready", os.getpid(), flush=True)
while True:
    signal.pause()
