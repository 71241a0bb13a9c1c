"""A web socket follows a log file: it sleeps between two looks and takes a failed send for a hiccup. uvicorn
closes the socket at shutdown and waits for the endpoint, which never notices.

https://github.com/eventum-generator/eventum/pull/143
"""

# RUN: {py} -m uvicorn {name}:app --port {port}
# READY: Uvicorn running
# CLIENT: {py} helpers/socket_client.py {port} /logs
# TAKES: 2.9
import asyncio
import contextlib

from fastapi import FastAPI, WebSocket

app = FastAPI()


@app.websocket("/logs")
async def logs(socket: WebSocket):
    await socket.accept()
    while True:
        await asyncio.sleep(0.3)  # <- here
        with contextlib.suppress(Exception):
            await socket.send_text("line")  # <- or here
