"""Its signal handler cleans up and calls loop.stop(). With the argument ``pending`` a task is left behind."""

import asyncio
import signal
import sys


async def background():
    try:
        while True:
            await asyncio.sleep(3600)
    except asyncio.CancelledError:
        print("background cancelled", flush=True)
        raise


async def stop(loop):
    print("cleaning up", flush=True)
    loop.stop()


def main():
    loop = asyncio.new_event_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, lambda: loop.create_task(stop(loop)))
    tasks = [loop.create_task(background())] if "pending" in sys.argv else []
    loop.call_soon(lambda: print("ready", flush=True))
    try:
        loop.run_forever()
        print("stopped with", len(tasks), "pending", flush=True)
    finally:
        loop.close()


main()
