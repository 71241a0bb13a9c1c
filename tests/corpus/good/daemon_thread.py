# expect: none
# stop: TERM
# total: 0.0
# shape: a daemon thread that never ends
# truth: The monitor is a daemon thread; the interpreter does not wait for it.
"""Samples the memory from a daemon thread."""
import asyncio
import signal
import threading
import time

samples = []


def monitor():
    while True:
        samples.append(len(samples))
        time.sleep(0.25)


async def main():
    signal.alarm(20)
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    threading.Thread(target=monitor, daemon=True).start()
    print("ready", flush=True)
    await stop.wait()


asyncio.run(main())
