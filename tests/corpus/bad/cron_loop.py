# truth: The handler only sets a flag, which the scheduler reads after its sleep between two rounds: 1.2 s later.
# expect: slow-task
# where: idle
# seconds: 1.2
# total: 1.2
# packages: uvloop
# stop: TERM
# shape: uvloop; nothing is cancelled: a polled flag and a long sleep, a step below the loop that reads it
import asyncio
import signal

import uvloop


class Scheduler:
    def __init__(self, interval: float) -> None:
        self.interval = interval
        self.stopping = False
        self.rounds = 0

    def stop(self) -> None:
        self.stopping = True

    async def round(self) -> None:
        self.rounds += 1
        await asyncio.sleep(0)

    async def idle(self) -> None:
        if self.rounds == 1:
            print("ready", flush=True)
        await asyncio.sleep(self.interval)  # <- here

    async def run(self) -> None:
        while not self.stopping:
            await self.round()
            await self.idle()
        print("rounds:", self.rounds, flush=True)


if __name__ == "__main__":
    signal.alarm(20)
    loop = uvloop.new_event_loop()
    asyncio.set_event_loop(loop)
    scheduler = Scheduler(1.3)
    loop.add_signal_handler(signal.SIGTERM, scheduler.stop)
    try:
        loop.run_until_complete(scheduler.run())
    finally:
        loop.close()
