"""An event loop runs in a thread of its own. loop.stop() from another thread only sets a flag: the loop sleeps in
epoll and does not wake, and the thread is joined for ever. call_soon_threadsafe(loop.stop) would have woken it.

https://github.com/python/cpython/issues/124780
"""

# LADDER: TERM/0.7/KILL
# TAKES: 0.6
# LOST: stopped
import asyncio
import signal
import threading

loop = asyncio.new_event_loop()


def serve():
    asyncio.set_event_loop(loop)
    loop.run_forever()  # <- or here


asked = threading.Event()
signal.signal(signal.SIGTERM, lambda number, frame: asked.set())
thread = threading.Thread(target=serve, name="loop", daemon=True)
thread.start()
print("ready", flush=True)
asked.wait()
loop.stop()  # <- or here
thread.join()  # <- here
print("stopped", flush=True)
