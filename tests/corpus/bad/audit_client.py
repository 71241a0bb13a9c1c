# truth: The audit client writes without drain() and is never closed: what its transport still buffers is lost.
# expect: unclosed-transport
# total: 0.05
# stop: TERM
# silent: all 6000000 bytes
# prints: trail ended
# shape: a client that only ever calls write(), to a peer that reads slowly; nobody owns its close()
import asyncio
import signal
import socket
import threading
import time


class AuditClient:
    def __init__(self, port: int) -> None:
        self._port = port

    async def connect(self) -> None:
        _, self._writer = await asyncio.open_connection("127.0.0.1", self._port)

    def record(self, entry: bytes) -> None:
        self._writer.write(entry)


class Application:
    def __init__(self, audit: AuditClient) -> None:
        self.audit = audit

    async def run(self, stop: asyncio.Event) -> None:
        await self.audit.connect()
        for _ in range(6000):
            self.audit.record(b"x" * 1000)
        print("ready", flush=True)
        await stop.wait()
        print("trail ended", flush=True)


def collect(listener: socket.socket) -> None:
    """Stands for the collector: a busy one, that reads two seconds late."""
    peer, _ = listener.accept()
    time.sleep(2)
    total = 0
    while data := peer.recv(65536):
        total += len(data)
    print(f"all {total} bytes", flush=True)


async def main(port: int) -> None:
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    app = Application(AuditClient(port))
    await app.run(stop)


if __name__ == "__main__":
    signal.alarm(20)
    listener = socket.create_server(("127.0.0.1", 0))
    threading.Thread(target=collect, args=(listener,), daemon=True).start()
    asyncio.run(main(listener.getsockname()[1]))
