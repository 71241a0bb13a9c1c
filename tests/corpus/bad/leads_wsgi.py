# truth: The worker's cache thread is no daemon and sleeps for 1.3 s from its first request on: the worker, and gunicorn, wait for it.
# expect: non-daemon-thread
# also: waits-for-child
# where: _loop
# seconds: 1.2
# total: 1.3
# python: 3.8-3.9
# packages: gunicorn
# stop: TERM
# drive: http GET /, answered
# shape: gunicorn with one sync worker: the thread that holds everything up lives in the child
import signal
import socket
import threading
import time

from gunicorn.app.base import BaseApplication


class Cache:
    def __init__(self, period: float) -> None:
        self.period = period
        self.thread = None
        self.stopped = False

    def ensure(self) -> None:
        if self.thread is None:
            self.thread = threading.Thread(target=self._loop, name="cache")
            self.thread.start()

    def _loop(self) -> None:
        while not self.stopped:
            time.sleep(self.period)  # <- here

    def stop(self) -> None:
        self.stopped = True


cache = Cache(1.3)


def leads(environ, start_response):
    cache.ensure()
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "2")])
    return [b"ok"]


class Leads(BaseApplication):
    def load_config(self) -> None:
        self.cfg.set("bind", f"127.0.0.1:{port}")
        self.cfg.set("graceful_timeout", 8)
        self.cfg.set("loglevel", "critical")
        self.cfg.set("post_worker_init", self.booted)
        self.cfg.set("worker_exit", lambda server, worker: cache.stop())

    def load(self):
        return leads

    @staticmethod
    def booted(worker) -> None:
        signal.alarm(20)
        print("ready", port, flush=True)


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return probe.getsockname()[1]


if __name__ == "__main__":
    signal.alarm(20)
    port = free_port()
    Leads().run()
