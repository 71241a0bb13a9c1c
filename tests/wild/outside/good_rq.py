"""GOOD: rq's warm shutdown; the signal goes to the worker alone, which waits for its job."""

# RUN: {py} -m rq.cli worker --url redis://127.0.0.1:16379/9
# OPTS: --child-only
# READY: job begins
# BEFORE: {py} helpers/enqueue.py rq {name}.resize 9
# SAID: job is done
import time


def resize():
    print("job begins", flush=True)
    time.sleep(1.2)
    print("job is done", flush=True)
