# truth: The server closes its clients' writers and waits for their tasks before wait_closed(), which then returns at once on every version.
# expect: none
# total: 0.1
# stop: TERM
# drive: connect send menu, answered
# shape: an asyncio server with an open client, whose connections the server knows and closes
import asyncio
import signal


class Menu:
    def __init__(self) -> None:
        self.writers: set = set()
        self.clients: set = set()

    async def client(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.writers.add(writer)
        self.clients.add(asyncio.current_task())
        try:
            while True:
                line = await reader.readline()
                if not line:
                    break
                writer.write(b"1) list 2) quit\n")
                await writer.drain()
        finally:
            self.writers.discard(writer)
            self.clients.discard(asyncio.current_task())
            writer.close()

    async def start(self) -> int:
        self.server = await asyncio.start_server(self.client, "127.0.0.1", 0)
        return self.server.sockets[0].getsockname()[1]

    async def close(self) -> None:
        self.server.close()
        for writer in list(self.writers):
            writer.close()
        await asyncio.gather(*self.clients)
        await self.server.wait_closed()


async def main() -> None:
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    menu = Menu()
    print("ready", await menu.start(), flush=True)
    await stop.wait()
    await menu.close()


if __name__ == "__main__":
    signal.alarm(20)
    asyncio.run(main())
