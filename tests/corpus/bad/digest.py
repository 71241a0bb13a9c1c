# expect: loop-blocked
# where: seal
# seconds: 0.9
# total: 0.9
# stop: TERM
# prints: sealed
# shape: pure Python computing on the loop
# truth: Sealing the log is 0.9 s of computing in a coroutine, while nothing else can run.
"""Appends to a log that is sealed with a costly digest at the end."""
import asyncio
import hashlib
import signal
import time


async def seal(lines, seconds):
    digest = "".join(lines)
    end = time.monotonic() + seconds
    while time.monotonic() < end:  # <- or here
        digest = hashlib.sha256(digest.encode()).hexdigest()  # <- here
    print("sealed", len(digest), flush=True)


async def append(lines):
    while True:
        await asyncio.sleep(0.5)
        lines.append("tick")


async def main():
    signal.alarm(20)
    lines = ["begin"]
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    task = asyncio.ensure_future(append(lines))
    print("ready", flush=True)
    await stop.wait()
    task.cancel()
    await seal(lines, 0.9)


asyncio.run(main())
