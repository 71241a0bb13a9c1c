# expect: handler-not-run
# accept: signal-ignored
# also: killed
# where: quiet_threads?
# exit: KILL
# stop: TERM
# grace: 2
# silent: stopping
# shape: the stop signal stays blocked
# truth: SIGTERM is blocked before the threads start and never unblocked: it stays pending, no handler runs.
"""Starts helper threads that shall not be disturbed by signals."""
import asyncio
import signal
import threading


def quiet_threads(count):
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM, signal.SIGINT})  # <- here
    idle = threading.Event()
    for _ in range(count):
        threading.Thread(target=idle.wait, daemon=True).start()


async def main():
    signal.alarm(20)
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    quiet_threads(2)
    print("ready", flush=True)
    await stop.wait()
    print("stopping", flush=True)


asyncio.run(main())
