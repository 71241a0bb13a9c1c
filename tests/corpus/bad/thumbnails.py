# expect: executor-busy
# where: render
# seconds: 1.2
# total: 1.2
# stop: TERM
# grace: 2
# prints: rendered
# shape: run_in_executor, default executor, nobody awaits
# at 3.8: expect=executor-outlives-loop; accept=executor-busy
# truth: The thread that renders takes 1.2 s more; asyncio.run waits for it (3.8: the interpreter's exit does).
"""Renders thumbnails in threads, on demand."""
import asyncio
import signal
import time


def render(name):
    time.sleep(1.3)  # <- here
    print("rendered", name, flush=True)


async def main():
    signal.alarm(20)
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    loop.add_signal_handler(signal.SIGTERM, stop.set)
    loop.run_in_executor(None, render, "cat.png")
    print("ready", flush=True)
    await stop.wait()


asyncio.run(main())
