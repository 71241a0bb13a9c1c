"""A celery worker whose pool processes get the stop signal with their group, one of them at work."""

import time

from celery import Celery
from celery.signals import worker_ready

app = Celery("tasks", broker="memory://", backend="cache+memory://")
app.conf.worker_redirect_stdouts = False


@app.task
def resize():
    print("ready", flush=True)
    time.sleep(3)


@worker_ready.connect
def begin(**kwargs):
    resize.delay()


if __name__ == "__main__":
    options = ["--pool", "prefork", "--concurrency", "2", "--loglevel", "ERROR", "--without-gossip"]
    app.worker_main(["worker", "--without-mingle", "--without-heartbeat"] + options)
