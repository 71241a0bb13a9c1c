# expect: none
# stop: TERM
# total: 0.0
# prints: loaded 1, leaving
# shape: SIGHUP reloads, SIGTERM ends, SIGUSR1 ignored
# truth: Two signals have handlers of their own, another is ignored; SIGTERM ends it at once.
"""Reloads its settings on SIGHUP."""
import asyncio
import signal


class Service:
    def __init__(self):
        self.loads = 0
        self.leave = asyncio.get_event_loop().create_future()

    def load(self):
        self.loads += 1
        print("loaded", self.loads, flush=True)

    def stop(self):
        if not self.leave.done():
            self.leave.set_result(None)


async def main():
    signal.alarm(20)
    signal.signal(signal.SIGUSR1, signal.SIG_IGN)
    service = Service()
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGHUP, service.load)
    loop.add_signal_handler(signal.SIGTERM, service.stop)
    service.load()
    print("ready", flush=True)
    await service.leave
    print("leaving", flush=True)


asyncio.run(main())
