"""shutdown(wait=False) of a background scheduler returns at once, and the program still waits for the job: the pool's
threads are joined at the interpreter's end.

https://github.com/agronholm/apscheduler/issues/567
"""

# TAKES: 2.9
import signal
import threading
import time

from apscheduler.schedulers.background import BackgroundScheduler


def tick():
    print("ready", flush=True)
    time.sleep(30)  # <- here


asked = threading.Event()
signal.signal(signal.SIGTERM, lambda number, frame: asked.set())
scheduler = BackgroundScheduler()
scheduler.add_job(tick)
scheduler.start()
asked.wait()
scheduler.shutdown(wait=False)
