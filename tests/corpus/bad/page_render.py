# expect: executor-busy
# accept: loop-blocked
# where: render_page
# seconds: 1.2
# total: 1.2
# stop: TERM
# grace: 2
# prints: page
# shape: own ThreadPoolExecutor in a with block
# truth: Leaving the with block joins the pool's thread, on the loop: the page takes another 1.2 s.
"""Renders pages with a pool of its own."""
import asyncio
import signal
import time
from concurrent.futures import ThreadPoolExecutor


def render_page(number):
    time.sleep(1.3)  # <- here
    print("page", number, flush=True)


async def main():
    signal.alarm(20)
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    loop.add_signal_handler(signal.SIGTERM, stop.set)
    with ThreadPoolExecutor(max_workers=2, thread_name_prefix="render") as pool:  # <- or here
        page = loop.run_in_executor(pool, render_page, 1)
        print("ready", flush=True)
        await stop.wait()  # <- or here
    await page


asyncio.run(main())
