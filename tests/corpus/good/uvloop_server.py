# expect: none
# stop: TERM
# total: 0.0
# packages: uvloop
# drive: connect send ping
# prints: closed 1
# shape: uvloop server with a client
# truth: The protocol server closes its listener and its client, on uvloop.
"""A ping server on uvloop."""
import asyncio
import signal

import uvloop

clients = set()


class Ping(asyncio.Protocol):
    def connection_made(self, transport):
        self.transport = transport
        clients.add(transport)

    def data_received(self, data):
        self.transport.write(b"pong\n")


async def main():
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGTERM, stop.set)
    server = await loop.create_server(Ping, "127.0.0.1", 0)
    print("ready", server.sockets[0].getsockname()[1], flush=True)
    await stop.wait()
    server.close()
    for transport in clients:
        transport.close()
    await asyncio.sleep(0)
    await server.wait_closed()
    print("closed", len(clients), flush=True)


signal.alarm(20)
uvloop.install()
asyncio.run(main())
