# expect: none
# stop: TERM
# total: 0.0
# prints: sdk told, drained
# shape: signal.signal after loop.add_signal_handler, both run
# truth: A library adds a handler by signal.signal; the loop's callback still runs, through the wakeup descriptor.
"""Uses a vendor's SDK with a signal handler of its own."""
import asyncio
import signal


class Sdk:
    def start(self):
        signal.signal(signal.SIGTERM, self.on_signal)

    def on_signal(self, signum, frame):
        print("sdk told", flush=True)


async def main():
    signal.alarm(20)
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    Sdk().start()
    print("ready", flush=True)
    await stop.wait()
    print("drained", flush=True)


asyncio.run(main())
