"""rq runs each job in a process of its own, in a group of its own, and waits for it when it is asked to stop.
When the wait is longer than whoever asked allows, the job is killed with its worker, and it is not put back into
its queue.

https://github.com/rq/rq/issues/1461
"""

# RUN: {py} -m rq.cli worker --url redis://127.0.0.1:16379/2
# READY: job begins
# BEFORE: {py} helpers/enqueue.py rq {name}.resize 2
# TAKES: 2.9
# LOST: job is done
import time


def resize():
    print("job begins", flush=True)
    time.sleep(20)  # <- here
    print("job is done", flush=True)
