# expect: none
# stop: TERM
# total: 0.0
# prints: ticks
# shape: call_later timers, no tasks
# truth: A timer is left when the loop closes; timers are no work.
"""A clock made of call_later."""
import asyncio
import signal


class Clock:
    def __init__(self, loop):
        self.loop = loop
        self.ticks = 0
        self.tick()

    def tick(self):
        self.ticks += 1
        self.timer = self.loop.call_later(0.1, self.tick)


async def main():
    signal.alarm(20)
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    loop.add_signal_handler(signal.SIGTERM, stop.set)
    clock = Clock(loop)
    print("ready", flush=True)
    await stop.wait()
    print("ticks", clock.ticks, flush=True)


asyncio.run(main())
