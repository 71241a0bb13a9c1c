"""huey's consumer finishes its tasks at SIGINT, and at SIGTERM it does not: whoever stops it as everything else is
stopped loses what was under way.

https://github.com/coleifer/huey/pull/776
"""

# RUN: {bin}/huey_consumer {name}.huey
# READY: task begins
# LOST: task is done
# EXPECT: work-cut-short
import os
import tempfile
import time

from huey import SqliteHuey

huey = SqliteHuey(filename=os.path.join(tempfile.gettempdir(), "huey.db"))


@huey.task()
def resize():
    print("task begins", flush=True)
    time.sleep(5)  # <- here
    print("task is done", flush=True)


resize()
