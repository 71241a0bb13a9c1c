# truth: The outbox is flushed on the way out of an AsyncExitStack, and its upload, three calls down, takes 0.9 s.
# expect: slow-task
# where: _post
# seconds: 0.9
# total: 0.9
# stop: TERM
# shape: SIGTERM cancels the main task; the cost is in an __aexit__ of a container, three helper coroutines deep
import asyncio
import contextlib
import signal
from collections import deque
from typing import Any, Deque


class Uploader:
    async def send(self, batch: list) -> None:
        await self._with_headers({"count": len(batch)}, batch)

    async def _with_headers(self, headers: dict, batch: list) -> None:
        await self._post(headers, batch)

    async def _post(self, headers: dict, batch: list) -> None:
        await asyncio.sleep(0.9)  # <- here


class Outbox:
    def __init__(self, uploader: Uploader) -> None:
        self.pending: Deque[int] = deque()
        self.uploader = uploader

    async def __aenter__(self) -> "Outbox":
        return self

    async def __aexit__(self, *error: Any) -> None:
        await self.flush()

    async def flush(self) -> None:
        batch, self.pending = list(self.pending), deque()
        await self.uploader.send(batch)


class Container:
    def __init__(self) -> None:
        self.stack = contextlib.AsyncExitStack()

    async def __aenter__(self) -> "Container":
        self.outbox = await self.stack.enter_async_context(Outbox(Uploader()))
        return self

    async def __aexit__(self, *error: Any) -> None:
        await self.stack.aclose()


async def serve() -> None:
    async with Container() as container:
        print("ready", flush=True)
        number = 0
        while True:
            container.outbox.pending.append(number)
            number += 1
            await asyncio.sleep(0.05)


async def main() -> None:
    task = asyncio.ensure_future(serve())
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    try:
        await task
    except asyncio.CancelledError:
        print("stopped", flush=True)


if __name__ == "__main__":
    signal.alarm(20)
    asyncio.run(main())
