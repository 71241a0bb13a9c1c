"""A main process that dies of SIGTERM at once while a member of its group cleans up, which takes a while.

The member appends ``cleaned`` to the file given; ``ready MAIN MEMBER`` is printed when both can be stopped.
"""

import os
import signal
import sys
import time

reader, writer = os.pipe()
member = os.fork()
if member == 0:

    def clean_up(*_):
        time.sleep(0.4)
        with open(sys.argv[1], "a") as file:
            file.write("cleaned\n")
        os._exit(0)

    signal.signal(signal.SIGTERM, clean_up)
    os.write(writer, b".")
    while True:
        signal.pause()
os.read(reader, 1)
signal.signal(signal.SIGTERM, signal.SIG_DFL if "die" in sys.argv else lambda *_: os._exit(0))
print("ready", os.getpid(), member, flush=True)
while True:
    signal.pause()
