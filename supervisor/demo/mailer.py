"""A handler of its own that cleans up and stops the loop: the task in the background is left pending, and its
cleanup runs only when the interpreter throws it away, where nothing can be awaited any more."""

import asyncio
import signal


async def deliver() -> None:
    try:
        while True:
            await asyncio.sleep(0.2)
    finally:
        await asyncio.sleep(0.1)  # writing the outbox to disk, say
        print("mailer: outbox saved", flush=True)  # never printed


async def goodbye(loop: asyncio.AbstractEventLoop) -> None:
    print("mailer: stopping the loop", flush=True)
    loop.stop()


loop = asyncio.new_event_loop()
loop.add_signal_handler(signal.SIGTERM, lambda: loop.create_task(goodbye(loop)))
outbox = loop.create_task(deliver(), name="outbox")
print("mailer: delivering", flush=True)
try:
    loop.run_forever()
finally:
    loop.close()
