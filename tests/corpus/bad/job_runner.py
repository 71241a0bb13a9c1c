# expect: handler-displaced
# also: killed
# where: start?
# exit: KILL
# stop: TERM
# grace: 2
# prints: sdk stop requested
# silent: drained
# shape: loop.add_signal_handler twice, the library's wins, killed
# truth: The SDK replaces the program's SIGTERM callback on the loop with its own, so that the drain never begins.
"""Runs jobs with the help of a vendor's SDK."""
import asyncio
import signal


class Sdk:
    stopped = False

    def start(self):
        asyncio.get_event_loop().add_signal_handler(signal.SIGTERM, self.on_signal)  # <- here

    def on_signal(self):  # <- or here
        self.stopped = True
        print("sdk stop requested", flush=True)


async def main():
    signal.alarm(20)
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)  # <- or here
    sdk = Sdk()
    sdk.start()
    print("ready", flush=True)
    while not stop.is_set():
        await asyncio.sleep(0.1)  # <- or here
    print("drained", flush=True)


asyncio.run(main())
