# expect: output-blocked
# also: loop-blocked, killed
# where: dump
# exit: KILL
# stop: TERM
# drive: unread
# grace: 2
# shape: print in a coroutine, nobody reads, killed
# truth: The worker prints 300 kB into a pipe that nobody reads; print() never returns.
"""Prints its state when it leaves."""
import asyncio
import signal

state = {"job-%d" % number: "x" * 280 for number in range(1000)}


def dump():
    for job, text in state.items():
        print(job, text)  # <- here


async def main():
    signal.alarm(20)
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    print("ready", flush=True)
    await stop.wait()
    dump()


asyncio.run(main())
