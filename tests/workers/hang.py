"""Prints ``ready`` and hangs in its end: ``thread`` behind a thread, ``task`` in a cancelled task, ``signal`` in a
handler of SIGTERM. ``prompt`` does not end at all: it reads lines, and a Ctrl-C only begins a new one."""

import asyncio
import code
import signal
import sys
import threading
import time


def upload():
    time.sleep(600)


async def consume():
    print("ready", flush=True)
    try:
        await asyncio.sleep(600)
    except asyncio.CancelledError:
        await asyncio.sleep(600)


def held(*_):
    upload()


kind = sys.argv[1]
if kind == "prompt":
    code.interact("ready", exitmsg="")
elif kind == "task":
    asyncio.run(consume())
else:
    if kind == "signal":
        signal.signal(signal.SIGTERM, held)
    else:
        threading.Thread(target=upload, name="uploader").start()
    print("ready", flush=True)
    while True:
        time.sleep(600)
