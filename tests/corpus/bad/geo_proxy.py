# truth: A coroutine reads from a backend by a blocking socket; the stop is seen by the loop only after its timeout, 1.2 s later.
# expect: loop-blocked
# accept: handler-not-run
# where: _recv
# seconds: 1.2
# total: 1.2
# packages: uvloop
# stop: TERM
# shape: the blocking call is under way when the signal comes, in a small client class of one's own, under uvloop
import asyncio
import signal
import socket

import uvloop


class Backend:
    def __init__(self, address: tuple, timeout: float) -> None:
        self.socket = socket.create_connection(address, timeout=timeout)

    def query(self, place: str) -> str:
        self.socket.sendall(place.encode())
        return self._recv() or "nowhere"

    def _recv(self) -> str:
        try:
            return self.socket.recv(4096).decode()  # <- here
        except OSError:
            return ""

    def close(self) -> None:
        self.socket.close()


class Proxy:
    def __init__(self, backend: Backend) -> None:
        self.backend = backend
        self.stopping = asyncio.Event()

    async def serve(self) -> None:
        while not self.stopping.is_set():
            await self.locate("Ulm")

    async def locate(self, place: str) -> str:
        await asyncio.sleep(0)
        print("ready", flush=True)
        found = self.backend.query(place)
        await asyncio.sleep(0.02)
        return found


async def main(address: tuple) -> None:
    backend = Backend(address, timeout=1.3)
    proxy = Proxy(backend)
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, proxy.stopping.set)
    await proxy.serve()
    backend.close()


if __name__ == "__main__":
    signal.alarm(20)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        loop = uvloop.new_event_loop()
        asyncio.set_event_loop(loop)
        loop.run_until_complete(main(silent.getsockname()))
        loop.close()
