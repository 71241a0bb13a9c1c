# expect: slow-task
# where: rinse
# seconds: 0.9
# total: 0.9
# packages: anyio
# stop: TERM
# prints: rinsed
# shape: anyio, shielded cleanup
# truth: The pump rinses for 0.9 s in a shielded scope that would have allowed 3 s.
"""A pump under an anyio task group."""
import signal

import anyio


async def rinse():
    await anyio.sleep(0.9)  # <- here
    print("rinsed", flush=True)


async def pump():
    try:
        while True:
            await anyio.sleep(0.2)
    finally:
        with anyio.move_on_after(3, shield=True):
            await rinse()


async def main():
    signal.alarm(20)
    async with anyio.create_task_group() as group:
        group.start_soon(pump)
        with anyio.open_signal_receiver(signal.SIGTERM) as signals:
            print("ready", flush=True)
            async for _ in signals:
                group.cancel_scope.cancel()
                break


anyio.run(main)
