"""A tool call that its caller has given up goes on in a thread of the executor: the stop waits for a request
without a timeout. The loop is uvloop's.

https://github.com/Illospace/illospace/pull/348
"""

# RUN: {py} {file} {port}
# BEFORE: {py} helpers/silent.py {port}
# TAKES: 2.9
import asyncio
import contextlib
import signal
import sys

import requests
import uvloop


def call_tool():
    requests.get(f"http://127.0.0.1:{sys.argv[1]}/")  # <- here


async def main():
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    with contextlib.suppress(asyncio.TimeoutError):
        await asyncio.wait_for(asyncio.to_thread(call_tool), 0.3)
    print("ready", flush=True)
    await stop.wait()


uvloop.run(main())
