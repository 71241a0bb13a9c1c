"""A celery worker with the solo pool runs its task in the main process. Its warm shutdown begins when the task is
over, and the container is killed before.

https://github.com/celery/celery/pull/7339
"""

# RUN: {py} -m celery -A {name} worker -P solo -l WARNING
# READY: task begins
# BEFORE: {py} helpers/enqueue.py celery {name}.resize 3
# TAKES: 2.9
# LOST: task is done
import time

from celery import Celery

app = Celery("celery_solo", broker="redis://127.0.0.1:16379/3")


@app.task
def resize():
    print("task begins", flush=True)
    time.sleep(20)  # <- here
    print("task is done", flush=True)
