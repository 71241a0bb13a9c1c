# expect: none
# stop: TERM
# total: 0.2
# packages: uvicorn
# prints: ticker stopped
# shape: uvicorn.Server inside a program's own loop, own handler
# truth: The program sets should_exit itself; uvicorn and the ticker end within 0.2 s.
"""A ticker and a web server in one loop."""
import asyncio
import contextlib
import signal
import socket

import uvicorn


async def app(scope, receive, send):
    await send({"type": "http.response.start", "status": 204, "headers": []})
    await send({"type": "http.response.body", "body": b""})


class Server(uvicorn.Server):
    def install_signal_handlers(self):
        pass

    @contextlib.contextmanager
    def capture_signals(self):
        yield


async def tick():
    try:
        while True:
            await asyncio.sleep(0.5)
    finally:
        print("ticker stopped", flush=True)


async def main():
    signal.alarm(20)
    listener = socket.create_server(("127.0.0.1", 0))
    server = Server(uvicorn.Config(app, log_level="warning", lifespan="off"))
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGTERM, setattr, server, "should_exit", True)
    ticker = asyncio.create_task(tick())
    print("ready", listener.getsockname()[1], flush=True)
    await server.serve(sockets=[listener])
    ticker.cancel()
    await asyncio.gather(ticker, return_exceptions=True)


asyncio.run(main())
