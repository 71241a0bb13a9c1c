# expect: slow-asyncgen
# where: pool
# seconds: 0.7
# total: 0.7
# stop: TERM
# prints: pool drained
# shape: asynccontextmanager entered by hand and never left
# truth: The pool's context manager was entered by hand; only shutdown_asyncgens closes it, which takes 0.7 s.
"""Opens a connection pool at start-up, by hand."""
import asyncio
import contextlib
import signal

state = {}


@contextlib.asynccontextmanager
async def pool(size):
    connections = list(range(size))
    try:
        yield connections
    finally:
        await asyncio.sleep(0.7)  # <- here
        print("pool drained", flush=True)


async def startup():
    state["pool"] = pool(4)
    state["connections"] = await state["pool"].__aenter__()


async def main():
    signal.alarm(20)
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    await startup()
    print("ready", flush=True)
    await stop.wait()


asyncio.run(main())
