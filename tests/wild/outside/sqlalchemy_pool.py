"""The shutdown wants to write a last row and gets no connection: the pool's only one belongs to a task that
listens and never gives it back. After 30 s the pool gives up.

https://github.com/sqlalchemy/sqlalchemy/issues/5546
"""

# TAKES: 2.9
# LOST: last row
import asyncio
import signal

from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine

engine = create_async_engine("postgresql+asyncpg://postgres@127.0.0.1:15432/postgres", pool_size=1, max_overflow=0)


async def listen(ready):
    async with engine.connect() as connection:  # <- or here
        await connection.execute(text("listen jobs"))
        ready.set()
        await asyncio.Event().wait()


async def main():
    stop, ready = asyncio.Event(), asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    listener = asyncio.create_task(listen(ready), name="listener")
    await ready.wait()
    print("ready", flush=True)
    await stop.wait()
    async with engine.begin() as connection:  # <- here
        await connection.execute(text("select 1"))
    print("last row", flush=True)
    listener.cancel()


asyncio.run(main())
