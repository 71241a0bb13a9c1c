# expect: none
# stop: TERM
# total: 0.2
# prints: mailed
# shape: background tasks in a set, waited for with a limit, the rest cancelled
# truth: Two mails end in 0.2 s; the watcher does not, and is cancelled after them.
"""Keeps its background tasks in a set."""
import asyncio
import signal

background = set()


def spawn(coroutine):
    task = asyncio.ensure_future(coroutine)
    background.add(task)
    task.add_done_callback(background.discard)
    return task


async def mail(to, seconds):
    await asyncio.sleep(seconds)
    print("mailed", to, flush=True)


async def watch():
    while True:
        await asyncio.sleep(0.1)


async def main():
    signal.alarm(20)
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    watcher = spawn(watch())
    mails = [spawn(mail("ann", 0.2)), spawn(mail("bob", 0.3))]
    print("ready", flush=True)
    await stop.wait()
    await asyncio.wait(mails, timeout=2)
    watcher.cancel()
    await asyncio.gather(*background, return_exceptions=True)


asyncio.run(main())
