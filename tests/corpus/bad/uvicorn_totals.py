# expect: exit-by-reraised-signal
# total: 0.1
# exit: -15
# packages: uvicorn
# stop: TERM
# drive: http GET /, answered
# silent: totals written
# answer: HTTP/1.1 200
# shape: uvicorn re-raises, an atexit function is lost
# truth: uvicorn ends by raising the captured SIGTERM again, so the atexit function never writes the totals.
"""An ASGI counter that writes its totals at the interpreter's exit."""
import atexit
import signal
import socket

import uvicorn

totals = {"requests": 0}


@atexit.register
def write_totals():
    print("totals written", totals, flush=True)


async def app(scope, receive, send):
    if scope["type"] == "lifespan":
        while True:
            message = await receive()
            await send({"type": message["type"] + ".complete"})
            if message["type"] == "lifespan.shutdown":
                return
            print("ready", listener.getsockname()[1], flush=True)
    totals["requests"] += 1
    headers = [(b"content-length", b"0"), (b"connection", b"close")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": b""})


if __name__ == "__main__":
    signal.alarm(20)
    listener = socket.create_server(("127.0.0.1", 0))
    uvicorn.Server(uvicorn.Config(app, log_level="warning")).run(sockets=[listener])
