# expect: none
# stop: TERM
# total: 0.0
# prints: squares
# shape: an idle ProcessPoolExecutor, shut down
# truth: The process pool is idle when the stop comes, and leaves at once.
"""Squares numbers in other processes."""
import asyncio
import signal
from concurrent.futures import ProcessPoolExecutor


def ignore_signals():
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.alarm(20)


def square(number):
    return number * number


async def main():
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    with ProcessPoolExecutor(2, initializer=ignore_signals) as pool:
        jobs = [loop.run_in_executor(pool, square, number) for number in range(5)]
        print("squares", await asyncio.gather(*jobs), flush=True)
        loop.add_signal_handler(signal.SIGTERM, stop.set)
        print("ready", flush=True)
        await stop.wait()


if __name__ == "__main__":
    signal.alarm(20)
    asyncio.run(main())
