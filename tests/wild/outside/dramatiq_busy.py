"""dramatiq waits up to ten minutes for its actors when it is asked to stop.

https://github.com/Bogdanp/dramatiq/pull/330
"""

# RUN: {py} -m dramatiq {name} --processes 1 --threads 2
# OPTS: --child-only
# READY: actor begins
# BEFORE: {py} helpers/enqueue.py dramatiq {name}.resize 6
# TAKES: 2.9
# LOST: actor is done
import time

import dramatiq
from dramatiq.brokers.redis import RedisBroker

dramatiq.set_broker(RedisBroker(port=16379, db=6))


@dramatiq.actor(max_retries=0)
def resize():
    print("actor begins", flush=True)
    time.sleep(30)  # <- here
    print("actor is done", flush=True)
