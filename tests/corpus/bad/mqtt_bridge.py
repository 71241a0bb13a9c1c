# truth: The runner stops the loop 0.1 s after the signal whatever still runs; the message in flight is never acknowledged.
# expect: loop-stopped-with-pending-tasks
# accept: loop-closed-with-pending-tasks, task-destroyed-pending
# where: _halt
# total: 0.15
# stop: TERM
# silent: acknowledged
# shape: a fixed time to finish, by call_later, then loop.stop() and close() in a base class
import asyncio
import signal


class Runner:
    """Owns the loop of a service."""

    grace = 0.1

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()

    def run(self) -> None:
        asyncio.set_event_loop(self.loop)
        self.loop.add_signal_handler(signal.SIGTERM, self._on_signal)
        self.tasks = [self.loop.create_task(job) for job in self.jobs()]
        try:
            self.loop.run_forever()
        finally:
            self.loop.close()

    def _on_signal(self) -> None:
        self.loop.call_later(self.grace, self._halt)

    def _halt(self) -> None:
        print("stopping", flush=True)
        self.loop.stop()  # <- here

    def jobs(self):
        raise NotImplementedError


class Bridge(Runner):
    def jobs(self):
        yield self.forward()
        yield self.keepalive()

    async def forward(self) -> None:
        print("ready", flush=True)
        await asyncio.sleep(1.3)
        print("acknowledged", flush=True)

    async def keepalive(self) -> None:
        while True:
            await asyncio.sleep(0.05)


if __name__ == "__main__":
    signal.alarm(20)
    Bridge().run()
