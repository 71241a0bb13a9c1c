# expect: no-signal-handler
# total: 0.0
# exit: -15
# stop: TERM
# silent: fetched all
# shape: six tasks in the middle of their work, gather
# truth: No SIGTERM handler; six fetches are under way when the process dies.
"""Fetches pages with six workers."""
import asyncio
import signal


async def fetch(url):
    await asyncio.sleep(len(url) / 2)


async def worker(urls):
    while urls:
        await fetch(urls.pop())


async def main():
    urls = ["http://site.invalid/%d" % number for number in range(40)]
    workers = [worker(urls) for _ in range(6)]
    asyncio.get_running_loop().call_soon(print, "ready")
    await asyncio.gather(*workers)
    print("fetched all")


if __name__ == "__main__":
    import sys

    sys.stdout.reconfigure(line_buffering=True)
    signal.alarm(20)
    asyncio.run(main())
