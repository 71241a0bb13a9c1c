# expect: waits-for-child
# accept: executor-busy, loop-blocked
# where: factor?
# seconds: 1.2
# total: 1.2
# until: 3.13
# stop: TERM
# grace: 2
# prints: factored
# shape: ProcessPoolExecutor in a with block
# truth: The process pool is waited for when its with block ends; the job in the child takes 1.2 s more. (On 3.14 the group's signal ends the pool's fork server.)
"""Factors numbers in a process pool."""
import asyncio
import signal
import time
from concurrent.futures import ProcessPoolExecutor


def quiet():
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.alarm(20)


def factor(number):
    print("ready", flush=True)
    time.sleep(1.3)  # <- here
    print("factored", number, flush=True)


async def main():
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    loop.add_signal_handler(signal.SIGTERM, stop.set)
    with ProcessPoolExecutor(max_workers=1, initializer=quiet) as pool:  # <- or here
        job = loop.run_in_executor(pool, factor, 91)
        await stop.wait()  # <- or here
    await job


if __name__ == "__main__":
    signal.alarm(20)
    asyncio.run(main())
