# expect: unclosed-transport
# total: 0.0
# stop: TERM
# drive: connect send cpu=1
# prints: got 6
# silent: lost
# shape: a protocol server that closes its listener only
# truth: The listener is closed, the client's connection is not: the loop is closed over it.
"""Collects numbers over TCP."""
import asyncio
import signal

clients = set()


class Collector(asyncio.Protocol):
    def connection_made(self, transport):
        self.transport = transport
        clients.add(self)

    def data_received(self, data):
        print("got", len(data), flush=True)

    def connection_lost(self, error):
        print("lost", flush=True)


async def main():
    signal.alarm(20)
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    loop.add_signal_handler(signal.SIGTERM, stop.set)
    server = await loop.create_server(Collector, "127.0.0.1", 0)
    print("ready", server.sockets[0].getsockname()[1], flush=True)
    await stop.wait()
    server.close()


asyncio.run(main())
