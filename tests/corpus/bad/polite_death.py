# expect: exit-by-reraised-signal
# where: main?
# total: 0.0
# exit: -15
# stop: TERM
# prints: drained
# silent: totals written
# shape: own re-raise after the drain, an atexit function is lost
# truth: After its drain the program kills itself with SIGTERM, so its atexit function never writes the totals.
"""Drains, then dies of the signal it got, as a shell would expect."""
import asyncio
import atexit
import os
import signal

totals = {"jobs": 3}
atexit.register(lambda: print("totals written", totals, flush=True))


async def main():
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    print("ready", flush=True)
    await stop.wait()
    print("drained", flush=True)
    asyncio.get_running_loop().remove_signal_handler(signal.SIGTERM)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    os.kill(os.getpid(), signal.SIGTERM)  # <- here


signal.alarm(20)
asyncio.run(main())
