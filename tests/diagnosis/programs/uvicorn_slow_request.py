"""A uvicorn server with a slow request in flight and a slow lifespan shutdown."""

import asyncio
import sys

import uvicorn


async def slow_query():
    await asyncio.sleep(1.2)


async def app(scope, receive, send):
    if scope["type"] == "lifespan":
        await receive()
        await send({"type": "lifespan.startup.complete"})
        print("ready", flush=True)
        await receive()
        await asyncio.sleep(0.3)
        await send({"type": "lifespan.shutdown.complete"})
        return
    await slow_query()
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
    await send({"type": "http.response.body", "body": b"ok"})


if __name__ == "__main__":
    workers = int(sys.argv[3])
    uvicorn.run(
        "uvicorn_slow_request:app" if workers > 1 else app,
        host="127.0.0.1",
        port=int(sys.argv[1]),
        loop=sys.argv[2],
        workers=workers,
        access_log=False,
    )
