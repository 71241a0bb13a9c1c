# expect: none
# stop: TERM
# total: 0.3
# prints: stubborn cancelled
# shape: a drain with a short limit of its own, then cancel
# truth: Jobs have 0.3 s to end; the one that has not is cancelled and ends at once.
"""Gives its jobs a moment and cancels the rest."""
import asyncio
import signal


async def job(name, seconds):
    try:
        await asyncio.sleep(seconds)
    except asyncio.CancelledError:
        print(name, "cancelled", flush=True)
        raise


async def main():
    signal.alarm(20)
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    jobs = [asyncio.create_task(job("quick", 0.2)), asyncio.create_task(job("stubborn", 12))]
    print("ready", flush=True)
    await stop.wait()
    _, pending = await asyncio.wait(jobs, timeout=0.3)
    for task in pending:
        task.cancel()
    await asyncio.gather(*jobs, return_exceptions=True)


asyncio.run(main())
