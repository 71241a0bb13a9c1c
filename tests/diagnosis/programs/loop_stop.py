"""A signal handler that cleans up and stops the loop. With the argument `worker`, a task is left pending."""

import asyncio
import signal
import sys


async def worker():
    try:
        while True:
            await asyncio.sleep(0.2)
    finally:
        print("worker cleaned up", flush=True)


async def sig_handler(loop):
    print("stopping loop...", flush=True)
    print("clean up all the things", flush=True)
    loop.stop()


def main():
    loop = asyncio.new_event_loop()
    for sig in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(sig, lambda l: l.create_task(sig_handler(l)), loop)
    if "worker" in sys.argv:
        background = loop.create_task(worker(), name="background")  # noqa: F841 - keeps the task alive
    loop.call_soon(lambda: print("ready", flush=True))
    try:
        loop.run_forever()
        print("loop stopped", flush=True)
    finally:
        loop.close()
        print("loop closed", flush=True)


main()
