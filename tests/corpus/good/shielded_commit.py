# expect: none
# stop: TERM
# total: 0.4
# prints: committed
# shape: shield, and the shielded work awaited afterwards
# truth: The handler is cancelled, but the commit is kept and awaited to its end, 0.4 s.
"""Commits orders; a commit that has begun is awaited."""
import asyncio
import signal

commits = set()


async def commit(order):
    await asyncio.sleep(0.5)
    print("committed", order, flush=True)


async def handle(order):
    work = asyncio.ensure_future(commit(order))
    commits.add(work)
    work.add_done_callback(commits.discard)
    await asyncio.shield(work)


async def main():
    signal.alarm(20)
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    handler = asyncio.create_task(handle(7))
    print("ready", flush=True)
    await stop.wait()
    handler.cancel()
    await asyncio.gather(handler, return_exceptions=True)
    if commits:
        await asyncio.wait(set(commits))


asyncio.run(main())
