# truth: The reporter's thread is not a daemon and looks at its stop flag only after its 1.3 s interval.
# expect: non-daemon-thread
# where: _pause
# seconds: 1.2
# total: 1.2
# stop: TERM
# shape: a third-party style Thread subclass in an asyncio service; stop() only sets a flag, the sleep is a helper's
import asyncio
import signal
import threading
import time


class MetricsReporter(threading.Thread):
    """Pushes the registry to a gateway every `interval` seconds."""

    def __init__(self, interval: float) -> None:
        super().__init__(name="metrics-reporter")
        self._interval = interval
        self._stopped = False
        self._pushed = 0

    def run(self) -> None:
        while not self._stopped:
            self._pause()
            self._push()

    def _pause(self) -> None:
        time.sleep(self._interval)  # <- here

    def _push(self) -> None:
        self._pushed += 1

    def stop(self) -> None:
        self._stopped = True


class Service:
    def __init__(self) -> None:
        self.reporter = MetricsReporter(interval=1.3)
        self.stopping = asyncio.Event()

    async def __aenter__(self) -> "Service":
        self.reporter.start()
        return self

    async def __aexit__(self, *_) -> None:
        self.reporter.stop()

    async def consume(self) -> None:
        print("ready", flush=True)
        await self.stopping.wait()


async def main() -> None:
    async with Service() as service:
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, service.stopping.set)
        await service.consume()
    print("service stopped", flush=True)


if __name__ == "__main__":
    signal.alarm(20)
    asyncio.run(main())
