# expect: unclosed-transport
# total: 0.0
# stop: TERM
# silent: connection lost
# shape: a client transport with unsent bytes
# truth: The client's transport is neither drained nor closed; 8 MB of written samples are never sent.
"""Pushes samples to a collector over TCP, without waiting."""
import asyncio
import signal
import socket


class Push(asyncio.Protocol):
    def connection_made(self, transport):
        self.transport = transport

    def connection_lost(self, error):
        print("connection lost", error, flush=True)

    def send(self, samples):
        self.transport.write(samples)


collector = socket.create_server(("127.0.0.1", 0))  # accepts, but is slow to read
push = Push()


async def main():
    signal.alarm(20)
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    loop.add_signal_handler(signal.SIGTERM, stop.set)
    await loop.create_connection(lambda: push, *collector.getsockname())
    push.send(b"x" * 8000000)
    print("ready", flush=True)
    await stop.wait()


asyncio.run(main())
