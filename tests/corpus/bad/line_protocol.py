# truth: Since 3.12 wait_closed() waits for the open connections too, and the client hangs up 1 s after the stop only.
# expect: server-wait-closed
# where: stop
# seconds: 1.0
# total: 1.0
# python: 3.12-3.13
# stop: TERM
# drive: connect send hello, answered, hangup 1.0
# shape: a component of an AsyncExitStack closes its asyncio server by an async callback, with an idle protocol connection
import asyncio
import contextlib
import signal


class LineProtocol(asyncio.Protocol):
    def connection_made(self, transport) -> None:
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self.transport.write(data.upper())


class LineServer:
    async def start(self) -> int:
        loop = asyncio.get_running_loop()
        self.server = await loop.create_server(LineProtocol, "127.0.0.1", 0)
        return self.server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        self.server.close()
        await self.server.wait_closed()  # <- here


async def main() -> None:
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    async with contextlib.AsyncExitStack() as stack:
        server = LineServer()
        port = await server.start()
        stack.push_async_callback(server.stop)
        print("ready", port, flush=True)
        await stop.wait()
    print("server closed", flush=True)


if __name__ == "__main__":
    signal.alarm(20)
    asyncio.run(main())
