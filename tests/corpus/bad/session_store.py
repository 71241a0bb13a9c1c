# expect: slow-task
# where: save
# seconds: 0.8
# total: 0.8
# stop: TERM
# prints: saved
# shape: await in except, task cancelled by asyncio.run
# truth: The saver writes all sessions for 0.8 s inside its except CancelledError, before it raises again.
"""Keeps sessions in memory and writes them out now and then."""
import asyncio
import signal

sessions = {"a": {"user": 1}, "b": {"user": 2}}


async def save(items):
    for _ in items:
        await asyncio.sleep(0.4)  # <- here
    print("saved", flush=True)


async def saver(period):
    try:
        while True:
            await asyncio.sleep(period)
            await save(sessions)
    except asyncio.CancelledError:
        await save(sessions)
        raise


async def main():
    signal.alarm(20)
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    background = asyncio.create_task(saver(30))  # noqa: F841 - a reference
    print("ready", flush=True)
    await stop.wait()


if __name__ == "__main__":
    asyncio.run(main())
