# expect: handler-displaced
# accept: exit-without-cleanup
# where: install_tracing?
# total: 0.0
# stop: TERM
# prints: trace written
# silent: orders flushed
# shape: a library's handler leaves at once, the program's drain is lost
# truth: The tracing library's handler replaces the program's and exits at once; the orders are not flushed.
"""Takes orders; a tracing library is switched on at the end of the set-up."""
import asyncio
import signal
import sys


def install_tracing():
    def leave(signum, frame):  # <- or here
        print("trace written", flush=True)
        sys.exit(0)  # <- or here

    signal.signal(signal.SIGTERM, leave)  # <- here


async def take_orders():
    while True:
        await asyncio.sleep(0.2)


async def main():
    signal.alarm(20)
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)  # <- or here
    orders = asyncio.create_task(take_orders())
    install_tracing()
    print("ready", flush=True)
    await stop.wait()
    orders.cancel()
    print("orders flushed", flush=True)


asyncio.run(main())
