# expect: non-daemon-thread
# where: beat
# seconds: 1.0
# total: 1.0
# stop: TERM
# prints: signed off
# shape: a thread that signs off slowly
# truth: The heartbeat thread signs off for 1.0 s after main has returned; the interpreter waits for it.
"""Sends heartbeats from a thread."""
import asyncio
import signal
import threading
import time


class Heartbeat(threading.Thread):
    def __init__(self):
        super().__init__(name="heartbeat")
        self.over = threading.Event()

    def run(self):
        self.beat()

    def beat(self):
        while not self.over.wait(0.1):
            pass
        time.sleep(1.0)  # <- here
        print("signed off", flush=True)


async def main():
    signal.alarm(20)
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    heartbeat = Heartbeat()
    heartbeat.start()
    print("ready", flush=True)
    await stop.wait()
    heartbeat.over.set()


asyncio.run(main())
