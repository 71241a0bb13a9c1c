# expect: output-blocked
# also: loop-blocked
# where: farewell?
# seconds: 1.0
# total: 1.0
# stop: TERM
# drive: unread 1.0
# prints: farewell 1999
# shape: logging to stdout, read again after 1 s
# truth: Log lines fill the pipe; the worker is stuck in write() for 1.0 s until somebody reads again.
"""Logs a line for each client it says farewell to."""
import asyncio
import logging
import signal
import sys


async def farewell(clients):
    for client in range(clients):
        logging.info("farewell %d %s", client, "." * 100)  # <- here


async def main():
    signal.alarm(20)
    logging.basicConfig(level=logging.INFO, stream=sys.stdout, format="%(message)s")
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    print("ready", flush=True)
    await stop.wait()
    await farewell(2000)


asyncio.run(main())
