# expect: none
# stop: TERM
# total: 0.0
# prints: main is over
# shape: tasks left to asyncio.run, which cancels them
# truth: main returns; asyncio.run cancels the two tickers, which have nothing to clean up.
"""Leaves the cancelling of its tickers to asyncio.run."""
import asyncio
import signal


async def tick(period):
    while True:
        await asyncio.sleep(period)


async def main():
    signal.alarm(20)
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    tickers = [asyncio.create_task(tick(period)) for period in (0.1, 5)]
    print("ready", len(tickers), flush=True)
    await stop.wait()
    print("main is over", flush=True)


asyncio.run(main())
