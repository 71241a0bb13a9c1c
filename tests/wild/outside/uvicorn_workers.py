"""uvicorn with several worker processes joins them one after the other and without a limit: a slow shutdown hook in
each of them holds the parent.

https://github.com/Kludex/uvicorn/pull/2010
"""

# RUN: {py} -m uvicorn {name}:app --port {port} --workers 2
# READY: startup complete[^$]*startup complete
# TAKES: 2.9
# LOST: hook is done
import asyncio
from contextlib import asynccontextmanager

from fastapi import FastAPI


@asynccontextmanager
async def lifespan(app):
    yield
    await asyncio.sleep(10)  # <- here
    print("hook is done", flush=True)


app = FastAPI(lifespan=lifespan)
