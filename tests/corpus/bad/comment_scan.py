# expect: handler-not-run
# accept: loop-blocked, executor-busy
# also: killed
# where: scan
# exit: KILL
# stop: TERM
# grace: 2
# silent: bye
# shape: the GIL held in C by another thread
# truth: A regular expression backtracks in a worker thread without giving up the GIL: the main thread never runs.
"""Scans comments in a thread, so that the loop stays free."""
import asyncio
import re
import signal

TAGS = re.compile(r"(<(b|i|bi|ib)+>)*(x+x+)+y")


def scan(comment):
    print("ready", flush=True)
    return TAGS.search(comment)  # <- here


async def main():
    signal.alarm(20)
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    loop.add_signal_handler(signal.SIGTERM, stop.set)
    job = loop.run_in_executor(None, scan, "x" * 60)
    await asyncio.wait([job, asyncio.ensure_future(stop.wait())], return_when=asyncio.FIRST_COMPLETED)
    print("bye", flush=True)


asyncio.run(main())
