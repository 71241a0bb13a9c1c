# truth: The aiohttp session is never closed: its kept-alive connection is still open when the loop is closed.
# expect: unclosed-transport
# total: 0.2
# packages: aiohttp
# stop: TERM
# prints: Unclosed client session
# shape: an aiohttp.ClientSession kept in a lazy property, with an idle connection in its pool
import asyncio
import signal
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import aiohttp


class Rates(BaseHTTPRequestHandler):
    """Stands for the service that is asked."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", "4")
        self.end_headers()
        self.wfile.write(b"1.07")

    def log_message(self, *_) -> None:
        pass


class Client:
    def __init__(self, base: str) -> None:
        self.base = base
        self._session = None

    @property
    def session(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession()
        return self._session

    async def rate(self, pair: str) -> float:
        async with self.session.get(f"{self.base}/{pair}") as response:
            return float(await response.text())


async def main(base: str) -> None:
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    client = Client(base)
    await client.rate("EURUSD")
    print("ready", flush=True)
    await stop.wait()


if __name__ == "__main__":
    signal.alarm(20)
    server = ThreadingHTTPServer(("127.0.0.1", 0), Rates)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    asyncio.run(main(f"http://127.0.0.1:{server.server_address[1]}"))
