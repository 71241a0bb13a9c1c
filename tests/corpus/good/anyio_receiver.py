# expect: none
# stop: TERM
# total: 0.0
# packages: anyio
# prints: scope cancelled
# shape: anyio task group and signal receiver
# truth: The signal cancels the group's scope; everything ends at once.
"""Two tickers under anyio."""
import signal

import anyio


async def tick(period):
    while True:
        await anyio.sleep(period)


async def main():
    signal.alarm(20)
    with anyio.open_signal_receiver(signal.SIGTERM, signal.SIGINT) as signals:
        async with anyio.create_task_group() as group:
            group.start_soon(tick, 0.1)
            group.start_soon(tick, 0.4)
            print("ready", flush=True)
            async for _ in signals:
                group.cancel_scope.cancel()
                break
    print("scope cancelled", flush=True)


anyio.run(main)
