"""An asyncio server that answers nobody: whoever asks it makes it block its own loop."""

from __future__ import annotations

import asyncio
import sys
import time


async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Read a request, and never come to its answer."""

    def fetch() -> None:
        time.sleep(60)

    if await reader.readline():
        fetch()
    writer.close()


async def main() -> None:
    """Serve."""
    server = await asyncio.start_server(handle, "127.0.0.1", int(sys.argv[1]))
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main())
