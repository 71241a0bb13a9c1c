# expect: loop-blocked
# accept: handler-not-run
# also: killed
# where: is_clean
# exit: KILL
# stop: TERM
# grace: 2
# silent: bye
# shape: a pathological regular expression on the loop, in C
# truth: The expression backtracks without end on this text; the handler's callback can never run.
"""Filters messages with a regular expression."""
import asyncio
import re
import signal

CLEAN = re.compile(r"^(\w+\s?)*\.$")


def is_clean(text):
    return CLEAN.match(text) is not None  # <- here


async def consume(messages):
    for text in messages:
        await asyncio.sleep(0)
        print(is_clean(text), flush=True)


async def main():
    signal.alarm(20)
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    consumer = asyncio.create_task(consume(["short one.", "a" * 40 + "!"]))
    print("ready", flush=True)
    await stop.wait()
    consumer.cancel()
    print("bye", flush=True)


asyncio.run(main())
