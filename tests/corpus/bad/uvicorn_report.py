# expect: slow-task
# also: exit-by-reraised-signal
# where: build_report
# seconds: 1.5
# total: 1.7
# exit: -15
# packages: uvicorn
# stop: TERM
# drive: http GET /report, line busy
# grace: 2.4
# answer: HTTP/1.1 200
# shape: uvicorn, a slow request
# truth: uvicorn waits for a request that takes another 1.6 s, most of the grace period.
"""An ASGI application with one slow report."""
import asyncio
import signal
import socket

import uvicorn


async def build_report():
    await asyncio.sleep(1.7)  # <- here
    return b"rows: 3\n"


async def app(scope, receive, send):
    assert scope["type"] == "http"
    print("busy", flush=True)
    body = await build_report()
    headers = [(b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})


class Server(uvicorn.Server):
    async def startup(self, sockets=None):
        await super().startup(sockets=sockets)
        print("ready", sockets[0].getsockname()[1], flush=True)


if __name__ == "__main__":
    signal.alarm(20)
    listener = socket.create_server(("127.0.0.1", 0))
    Server(uvicorn.Config(app, log_level="warning", lifespan="off")).run(sockets=[listener])
