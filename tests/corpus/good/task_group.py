# expect: none
# stop: TERM
# total: 0.0
# python: 3.11-3.13
# prints: group is over
# shape: TaskGroup cancelled through its main task
# truth: SIGTERM cancels the main task, and with it the whole group, at once.
"""Three tickers in one task group."""
import asyncio
import signal


async def tick(period):
    while True:
        await asyncio.sleep(period)


async def serve():
    async with asyncio.TaskGroup() as group:
        for period in (0.1, 0.2, 0.3):
            group.create_task(tick(period))
        print("ready", flush=True)


async def main():
    signal.alarm(20)
    serving = asyncio.create_task(serve())
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, serving.cancel)
    try:
        await serving
    except asyncio.CancelledError:
        print("group is over", flush=True)


asyncio.run(main())
