"""GOOD: as unread_pipe, with a parent that reads its child's pipe until the end."""

# SAID: child said
import asyncio
import signal
import sys

CHILD = """
import signal, sys
def tell(number, frame):
    print("\\n".join(map(str, range(40_000))))
    sys.exit(0)
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
    text, _ = await child.communicate()
    print("child said", len(text), flush=True)


asyncio.run(main())
