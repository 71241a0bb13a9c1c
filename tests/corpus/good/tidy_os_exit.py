# expect: none
# stop: TERM
# total: 0.1
# prints: flushed
# shape: os._exit after everything was finished
# truth: All work is done and flushed when os._exit is called; it only skips the interpreter's own end.
"""Skips the interpreter's tear-down after it has cleaned up."""
import asyncio
import os
import signal
import sys


async def flush():
    await asyncio.sleep(0.05)
    print("flushed", flush=True)


async def main():
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    print("ready", flush=True)
    await stop.wait()
    await flush()


signal.alarm(20)
asyncio.run(main())
sys.stdout.flush()
os._exit(0)
