# truth: logging.shutdown(), an atexit handler, flushes the memory handler into a shipper that needs 0.3 s a record.
# expect: slow-atexit
# where: emit
# seconds: 0.9
# total: 0.9
# stop: INT
# shape: logging's own atexit handler, through MemoryHandler to a slow target, after an asyncio.run() that ended well
import asyncio
import logging
import logging.handlers
import signal
import time


class Shipper(logging.Handler):
    """One HTTP request a record."""

    def emit(self, record: logging.LogRecord) -> None:
        self.format(record)
        time.sleep(0.3)  # <- here


log = logging.getLogger("tracker")


class Tracker:
    def __init__(self) -> None:
        self.parcels = 0

    async def track(self) -> None:
        while True:
            await asyncio.sleep(0.05)
            self.parcels += 1


async def main() -> None:
    tracker = Tracker()
    task = asyncio.ensure_future(tracker.track())
    for parcel in range(3):
        log.info("parcel %d", parcel)
    print("ready", flush=True)
    await task


if __name__ == "__main__":
    signal.alarm(20)
    buffered = logging.handlers.MemoryHandler(1000, flushLevel=logging.CRITICAL, target=Shipper())
    log.setLevel(logging.INFO)
    log.addHandler(buffered)
    try:
        asyncio.run(main())
    except KeyboardInterrupt:
        print("interrupted", flush=True)
