"""GOOD: an idle arq worker."""

# RUN: {py} -m arq {name}.WorkerSettings
# READY: Starting worker
from arq.connections import RedisSettings


async def resize(context):
    pass


class WorkerSettings:
    functions = (resize,)
    redis_settings = RedisSettings(port=16379, database=12)
