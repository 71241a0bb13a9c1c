# expect: loop-blocked
# accept: handler-not-run
# also: killed
# where: on_term
# exit: KILL
# stop: TERM
# grace: 2
# silent: last numbers
# shape: deadlock of the main thread in a signal handler
# truth: The handler wants a lock that the interrupted coroutine of the same thread holds: it waits for ever.
"""Counts events; prints the numbers when it is told to stop."""
import asyncio
import signal
import threading

lock = threading.Lock()
numbers = {"events": 0}


def on_term(signum, frame):
    lock.acquire()  # <- here
    print("last numbers", numbers, flush=True)
    raise SystemExit(0)


async def count():
    with lock:
        while numbers["events"] < 1000:
            numbers["events"] += 1
            await asyncio.sleep(0.05)


async def main():
    signal.alarm(20)
    signal.signal(signal.SIGTERM, on_term)
    print("ready", flush=True)
    await count()


asyncio.run(main())
