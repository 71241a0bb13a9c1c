"""GOOD: granian with two workers and an idle client."""

# RUN: {py} -m granian --interface asgi --workers 2 --port {port} {name}:app
# READY: Started worker-2
# CLIENT: {py} helpers/keepalive.py {port}
from fastapi import FastAPI

app = FastAPI()


@app.get("/")
async def home():
    return {}
