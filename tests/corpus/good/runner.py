# expect: none
# stop: TERM
# total: 0.0
# python: 3.11-3.13
# prints: second part
# shape: asyncio.Runner used twice
# truth: The runner runs main until the stop, then a short farewell, and closes.
"""Two coroutines on one runner."""
import asyncio
import signal


async def serve():
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    print("ready", flush=True)
    await stop.wait()


async def farewell():
    await asyncio.sleep(0)
    print("second part", flush=True)


if __name__ == "__main__":
    signal.alarm(20)
    with asyncio.Runner() as runner:
        runner.run(serve())
        runner.run(farewell())
