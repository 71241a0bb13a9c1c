"""Put one job into a fresh queue of Redis on port 16379: enqueue.py LIBRARY MODULE.FUNCTION DATABASE."""

import asyncio
import sys

import redis

library, function, database = sys.argv[1], sys.argv[2], int(sys.argv[3])
server = redis.Redis(port=16379, db=database)
server.flushdb()
if library == "arq":
    from arq import create_pool
    from arq.connections import RedisSettings

    async def put():
        pool = await create_pool(RedisSettings(port=16379, database=database))
        await pool.enqueue_job(function.partition(".")[2])
        await pool.aclose()

    asyncio.run(put())
elif library == "rq":
    from rq import Queue

    Queue(connection=server).enqueue(function)
elif library == "celery":
    from celery import Celery

    Celery(broker=f"redis://127.0.0.1:16379/{database}").send_task(function)
elif library == "dramatiq":
    from dramatiq import Message
    from dramatiq.brokers.redis import RedisBroker

    broker = RedisBroker(port=16379, db=database)
    broker.declare_queue("default")
    broker.enqueue(Message("default", function.partition(".")[2], (), {}, {}))
print("ready", flush=True)
