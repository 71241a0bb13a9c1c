"""A child prints its statistics when it is asked to stop, into a pipe that its parent made and never reads: the child
blocks in write(2), and the parent waits for it.

https://github.com/agronholm/anyio/issues/1166
"""

# LADDER: TERM/0.8/KILL
# TAKES: 0.7
import asyncio
import signal
import sys

CHILD = """
import os, signal, sys
def tell(number, frame):
    for line in range(40_000):
        os.write(1, b"%d requests\\n" % line)
    os._exit(0)
signal.signal(signal.SIGTERM, tell)
print("ready", file=sys.stderr, flush=True)
while True:
    signal.pause()
"""


async def main():
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    child = await asyncio.create_subprocess_exec(sys.executable, "-c", CHILD, stdout=asyncio.subprocess.PIPE)
    await stop.wait()
    await child.wait()  # <- here
    print("child has ended", flush=True)


asyncio.run(main())
