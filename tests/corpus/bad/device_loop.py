# truth: close() stops the loop of the background thread while the device's write is under way, and the thread closes it.
# expect: loop-stopped-with-pending-tasks
# accept: loop-closed-with-pending-tasks, task-destroyed-pending
# where: null
# total: 0.1
# stop: TERM
# silent: stored
# shape: a loop in a daemon thread behind a synchronous facade, stopped by call_soon_threadsafe from the main thread
import asyncio
import signal
import threading


class Device:
    async def write(self, value: int) -> None:
        await asyncio.sleep(0.6)
        print("stored", value, flush=True)


class Client:
    """For callers without asyncio."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()
        self._device = Device()

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        try:
            self._loop.run_forever()
        finally:
            self._loop.close()

    def set(self, value: int) -> None:
        self._last = asyncio.run_coroutine_threadsafe(self._device.write(value), self._loop)

    def close(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()


if __name__ == "__main__":
    signal.alarm(20)
    stopping = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stopping.set())
    client = Client()
    client.set(20)
    print("ready", flush=True)
    stopping.wait()
    client.close()
    print("client closed", flush=True)
