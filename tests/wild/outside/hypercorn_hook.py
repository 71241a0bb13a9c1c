"""hypercorn with several workers and a slow shutdown hook: clients that come meanwhile wait as long as the hook does.

https://github.com/pgjones/hypercorn/pull/128
"""

# RUN: {py} -m hypercorn --bind 127.0.0.1:{port} --workers 2 {name}:app
# OPTS: --child-only
# READY: Running on[^$]*Running on
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
