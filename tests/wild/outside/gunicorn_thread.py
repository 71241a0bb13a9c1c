"""The log says "Worker exiting", and the worker does not exit: a thread that the application started is joined by the
interpreter, until the arbiter's limit kills it.

https://github.com/benoitc/gunicorn/issues/2706
"""

# RUN: {bin}/gunicorn -b 127.0.0.1:{port} --graceful-timeout 2 {name}:app
# READY: Booting worker
# CLIENT: {py} helpers/get.py {port} /
# TAKES: 1.9
import threading
import time

threads = []


def refresh():
    while True:
        time.sleep(0.5)  # <- here


def app(environ, start_response):
    if not threads:
        threads.append(threading.Thread(target=refresh, name="refresh"))
        threads[0].start()  # <- or here
    start_response("200 OK", [])
    return [b"done"]
