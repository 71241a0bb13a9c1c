# expect: executor-busy
# where: blocking
# seconds: 0.5
# total: 1.5
# stop: none
# prints: Hello from a thread!
# shape: the seed's executor work that outlives main, ends by itself
# at 3.8: expect=executor-outlives-loop; accept=executor-busy; prints=Event loop is closed
# truth: main ends after 1.0 s, the thread's work after 1.5 s; 3.8 closes the loop under it, later ones wait.
"""Executor work that takes longer than main."""
import asyncio
import signal
import time


async def main():
    loop = asyncio.get_running_loop()
    loop.run_in_executor(None, blocking)
    print("ready", flush=True)
    await asyncio.sleep(1.0)
    print("Goodbye!", flush=True)


def blocking():
    time.sleep(1.5)  # <- here
    print("Hello from a thread!", flush=True)


signal.alarm(20)
asyncio.run(main())
