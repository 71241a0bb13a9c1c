# expect: loop-stopped-with-pending-tasks
# accept: loop-closed-with-pending-tasks
# also: task-destroyed-pending
# where: collect
# total: 0.0
# stop: TERM
# prints: Task was destroyed but it is pending!
# silent: wrote bookmarks
# shape: add_signal_handler(SIGTERM, loop.stop) with three tasks
# truth: SIGTERM stops the loop at once; three collectors are left in the middle and write no bookmarks.
"""Collects feeds with one task each."""
import asyncio
import signal


async def collect(url, period):
    position = 0
    try:
        while True:
            await asyncio.sleep(period)  # <- here
            position += 1
    except asyncio.CancelledError:
        print("wrote bookmarks", url, position, flush=True)
        raise


def run(urls):
    loop = asyncio.new_event_loop()
    tasks = [loop.create_task(collect(url, 0.3 + 0.1 * n)) for n, url in enumerate(urls)]
    loop.add_signal_handler(signal.SIGTERM, loop.stop)  # <- or here
    loop.call_soon(print, "ready")
    try:
        loop.run_forever()
    finally:
        loop.close()
    return tasks


if __name__ == "__main__":
    import sys

    sys.stdout.reconfigure(line_buffering=True)
    signal.alarm(20)
    run(["http://a.invalid/", "http://b.invalid/", "http://c.invalid/"])
