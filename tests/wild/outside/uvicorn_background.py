"""uvicorn says "Waiting for background tasks to complete" and nothing else. Which one it is, is what people ask.

https://github.com/Kludex/uvicorn/discussions/2119
"""

# RUN: {py} -m uvicorn {name}:app --port {port}
# READY: Uvicorn running
# CLIENT: {py} helpers/get.py {port} /order
# TAKES: 2.9
# LOST: mail is sent
import asyncio

from fastapi import BackgroundTasks, FastAPI

app = FastAPI()


async def connect():
    await asyncio.sleep(40)  # <- here


async def send_mail():
    await connect()  # <- or here
    print("mail is sent", flush=True)


@app.get("/order")
async def order(tasks: BackgroundTasks):
    tasks.add_task(send_mail)
    return {"ok": True}
