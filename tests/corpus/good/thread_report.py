# expect: none
# stop: TERM
# total: 0.5
# prints: report
# shape: honest executor work in flight, awaited
# truth: The report that is being made in a thread is finished in 0.5 s and awaited.
"""Makes reports in a thread and ends between two."""
import asyncio
import signal
import time


def make_report(number):
    time.sleep(0.6)
    return "report %d" % number


async def main():
    signal.alarm(20)
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGTERM, stop.set)
    print("ready", flush=True)
    number = 0
    while not stop.is_set():
        number += 1
        print(await loop.run_in_executor(None, make_report, number), flush=True)


asyncio.run(main())
