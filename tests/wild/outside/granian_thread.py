"""granian's parent joins its worker without a limit, and the worker cannot end: the application has a thread that the
interpreter waits for.

https://github.com/emmett-framework/granian/pull/435
"""

# RUN: {py} -m granian --interface asgi --port {port} {name}:app
# READY: Started worker
# CLIENT: {py} helpers/get.py {port} /
# TAKES: 2.9
import threading
import time

from fastapi import FastAPI

app = FastAPI()


def refresh():
    while True:
        time.sleep(0.5)  # <- here


@app.get("/")
async def home():
    threading.Thread(target=refresh, name="refresh").start()  # <- or here
    return {}
