# expect: slow-task
# where: renew_forever
# seconds: 0.9
# total: 0.9
# python: 3.11-3.13
# stop: TERM
# prints: released
# shape: asyncio.timeout around the cleanup
# truth: Releasing the lease takes 0.9 s of the 5 s that the cleanup allows itself.
"""Holds a lease in a coordination service and renews it."""
import asyncio
import signal


async def renew_forever(lease):
    try:
        while True:
            await asyncio.sleep(2)
    finally:
        async with asyncio.timeout(5):
            await asyncio.sleep(0.9)  # <- here
            print("released", lease, flush=True)


async def main():
    signal.alarm(20)
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    async with asyncio.TaskGroup() as group:
        renewal = group.create_task(renew_forever("leader"))
        print("ready", flush=True)
        await stop.wait()
        renewal.cancel()


asyncio.run(main())
