# expect: executor-outlives-loop
# accept: executor-busy
# where: copy
# seconds: 1.2
# total: 1.2
# stop: TERM
# grace: 2
# prints: loop closed
# shape: hand-made loop closed while the default executor works
# at 3.8-3.9: prints=loop closed, Event loop is closed
# truth: The loop is closed while a thread still copies; its result has nowhere to go, and the exit waits 1.2 s.
"""Copies files in threads, on a hand-made loop."""
import asyncio
import signal
import time


def copy(name):
    time.sleep(1.3)  # <- here
    return name


async def main():
    stop = asyncio.Event()
    loop = asyncio.get_event_loop()
    loop.add_signal_handler(signal.SIGTERM, stop.set)
    copies = [loop.run_in_executor(None, copy, name) for name in ("a", "b")]
    print("ready", flush=True)
    await stop.wait()
    return len(copies)


if __name__ == "__main__":
    signal.alarm(20)
    loop = asyncio.new_event_loop()
    try:
        loop.run_until_complete(main())
    finally:
        loop.close()
        print("loop closed", flush=True)
