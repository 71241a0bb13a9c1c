# expect: none
# stop: TERM
# total: 4.0
# grace: 20
# packages: celery
# prints: task done
# drive: line task
# shape: celery solo, idle
# truth: celery notices the stop between two polls of the broker, of 2 s each (kombu, virtual transports); nothing else waits.
"""A celery worker with a memory broker."""
import signal

from celery import Celery
from celery.signals import worker_ready

app = Celery("tasks", broker="memory://", backend="cache+memory://")
app.conf.worker_redirect_stdouts = False


@app.task
def resize():
    print("task done", flush=True)


@worker_ready.connect
def begin(**kwargs):
    print("ready", flush=True)
    resize.delay()


if __name__ == "__main__":
    signal.alarm(20)
    options = ["--pool", "solo", "--loglevel", "ERROR", "--without-gossip"]
    app.worker_main(["worker", "--without-mingle", "--without-heartbeat"] + options)
