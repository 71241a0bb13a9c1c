# expect: exit-without-cleanup
# also: slow-task
# where: give_up?
# total: 0.6
# exit: 3
# stop: TERM
# silent: saved
# shape: os._exit from a watchdog thread
# truth: A watchdog thread ends the process after 0.6 s although the state is still being saved.
"""Saves its state at the end, but never lets that take long."""
import asyncio
import os
import signal
import threading


def give_up():
    os._exit(3)  # <- here


async def save():
    await asyncio.sleep(1.5)  # <- or here
    print("saved", flush=True)


async def main():
    signal.alarm(20)
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    print("ready", flush=True)
    await stop.wait()
    watchdog = threading.Timer(0.6, give_up)
    watchdog.daemon = True
    watchdog.start()
    await save()


asyncio.run(main())
