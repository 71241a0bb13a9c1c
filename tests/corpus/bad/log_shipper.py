# expect: slow-atexit
# where: flush
# seconds: 0.8
# total: 0.8
# stop: TERM
# prints: shipped 2
# shape: a logging handler flushed by logging.shutdown
# truth: logging flushes all handlers at exit, and shipping the buffered records takes 0.8 s.
"""Ships its log records in batches."""
import asyncio
import logging
import signal
import time


class Shipper(logging.Handler):
    def __init__(self):
        super().__init__()
        self.batch = []

    def emit(self, record):
        self.batch.append(record)

    def flush(self):
        if self.batch:
            time.sleep(0.4 * len(self.batch))  # <- here
            print("shipped", len(self.batch), flush=True)
            self.batch = []


async def main():
    signal.alarm(20)
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    logging.basicConfig(level=logging.INFO, handlers=[Shipper()])
    logging.info("started")
    print("ready", flush=True)
    await stop.wait()
    logging.info("stopping")


asyncio.run(main())
