"""GOOD: uvicorn with two worker processes, an idle client and a lifespan that closes what it opened."""

# RUN: {py} -m uvicorn {name}:app --port {port} --workers 2
# READY: startup complete[^$]*startup complete
# CLIENT: {py} helpers/keepalive.py {port}
# SAID: closed
from contextlib import asynccontextmanager

import aiohttp
from fastapi import FastAPI


@asynccontextmanager
async def lifespan(app):
    async with aiohttp.ClientSession() as app.state.http:
        yield
    print("closed", flush=True)


app = FastAPI(lifespan=lifespan)


@app.get("/")
async def home():
    return {}
