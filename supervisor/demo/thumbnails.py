"""Starts blocking work in a thread and leaves: since Python 3.9 asyncio.run waits for the thread, without a word."""

import asyncio
import time


def resize(picture: int) -> None:
    time.sleep(6)  # a library that blocks
    print(f"thumbnails: picture {picture} resized", flush=True)


async def main() -> None:
    loop = asyncio.get_running_loop()
    print("thumbnails: resizing", flush=True)
    picture = 0
    while True:
        picture += 1
        await loop.run_in_executor(None, resize, picture)


try:
    asyncio.run(main())
except KeyboardInterrupt:
    print("thumbnails: bye", flush=True)
