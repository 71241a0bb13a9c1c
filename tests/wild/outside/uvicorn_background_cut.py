"""With a limit for the graceful shutdown uvicorn cancels what still runs when the limit is over: a background
task that was to be finished is gone, and the server exits as if all were well.

https://github.com/Kludex/uvicorn/pull/1950
"""

# RUN: {py} -m uvicorn {name}:app --port {port} --timeout-graceful-shutdown 1
# READY: Uvicorn running
# CLIENT: {py} helpers/get.py {port} /order
# TAKES: 0.9
# LOST: mail is sent
# EXPECT: work-cut-short|slow-task
import asyncio

from fastapi import BackgroundTasks, FastAPI

app = FastAPI()


async def send_mail():
    await asyncio.sleep(8)  # <- here
    print("mail is sent", flush=True)


@app.get("/order")
async def order(tasks: BackgroundTasks):
    tasks.add_task(send_mail)
    return {"ok": True}
