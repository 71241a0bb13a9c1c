# expect: none
# stop: TERM
# total: 0.0
# prints: item 4999
# shape: much output that is read
# truth: The worker prints 300 kB when it leaves; somebody reads it.
"""Prints all it knows when it leaves."""
import asyncio
import signal


async def main():
    signal.alarm(20)
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    print("ready", flush=True)
    await stop.wait()
    for number in range(5000):
        print("item", number, "=" * 50)


asyncio.run(main())
