"""Server-sent events: each subscriber's generator waits for its queue without a timeout, and uvicorn, which has no
limit for its graceful shutdown here, waits for the response.

https://github.com/strawpot/strawpot/pull/188
"""

# RUN: {py} -m uvicorn {name}:app --port {port}
# READY: Uvicorn running
# CLIENT: {py} helpers/get.py {port} /events
# TAKES: 2.9
import asyncio

from fastapi import FastAPI
from fastapi.responses import StreamingResponse

app = FastAPI()


@app.get("/events")
async def events():
    news = asyncio.Queue()
    news.put_nowait("welcome")

    async def subscribe():
        while True:
            yield f"data: {await news.get()}\n\n"  # <- here

    return StreamingResponse(subscribe(), media_type="text/event-stream")
