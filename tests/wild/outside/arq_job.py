"""arq's worker cancels its jobs at SIGTERM, to run them again later. Whoever had expected that a deploy waits for
the job finds half of its work done twice.

https://github.com/python-arq/arq/issues/192
"""

# RUN: {py} -m arq {name}.WorkerSettings
# READY: job begins
# BEFORE: {py} helpers/enqueue.py arq {name}.resize 1
# LOST: job is done
# EXPECT: work-cut-short
import asyncio

from arq.connections import RedisSettings


async def resize(context):
    print("job begins", flush=True)
    await asyncio.sleep(2)  # <- here
    print("job is done", flush=True)


class WorkerSettings:
    functions = (resize,)
    redis_settings = RedisSettings(port=16379, database=1)
