# truth: Everything is cancelled and gathered before loop.stop(), so nothing is pending when the loop is closed.
# expect: none
# total: 0.1
# stop: TERM
# shape: run_forever() and loop.stop() by a shutdown coroutine that cancels all other tasks first
import asyncio
import signal


class Runner:
    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()

    async def _shutdown(self) -> None:
        others = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)
        await self.loop.shutdown_asyncgens()
        self.loop.call_soon(self.loop.stop)

    def _on_signal(self) -> None:
        self.ending = self.loop.create_task(self._shutdown())

    def run(self, *coroutines) -> None:
        self.loop.add_signal_handler(signal.SIGTERM, self._on_signal)
        self.tasks = [self.loop.create_task(coroutine) for coroutine in coroutines]
        self.loop.call_later(0.05, lambda: print("ready", flush=True))
        try:
            self.loop.run_forever()
        finally:
            self.loop.close()


async def relay(name: str) -> None:
    try:
        while True:
            await asyncio.sleep(0.05)
    finally:
        await asyncio.sleep(0.02)
        print("relay", name, "ended", flush=True)


if __name__ == "__main__":
    signal.alarm(20)
    Runner().run(relay("a"), relay("b"))
