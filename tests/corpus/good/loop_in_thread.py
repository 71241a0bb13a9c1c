# expect: none
# stop: TERM
# total: 0.1
# prints: loop thread joined
# shape: an event loop in a second thread, stopped from the main thread
# truth: The main thread ends the coroutine in the loop's thread, stops the loop and joins the thread.
"""Runs its event loop in a thread; the main thread waits for signals."""
import asyncio
import signal
import threading

stopping = threading.Event()


async def tick():
    while True:
        await asyncio.sleep(0.1)


def run_loop(loop):
    asyncio.set_event_loop(loop)
    loop.run_forever()
    loop.close()


def main():
    signal.alarm(20)
    signal.signal(signal.SIGTERM, lambda *_: stopping.set())
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=run_loop, args=(loop,))
    thread.start()
    ticker = asyncio.run_coroutine_threadsafe(tick(), loop)
    print("ready", flush=True)
    while not stopping.wait(0.1):
        pass
    ticker.cancel()
    asyncio.run_coroutine_threadsafe(asyncio.sleep(0.01), loop).result()
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
    print("loop thread joined", flush=True)


main()
