# truth: gunicorn passes the signal on, its one worker finishes the request in flight (0.4 s), and both leave.
# expect: none
# total: 1.0
# python: 3.8-3.9
# packages: gunicorn
# stop: TERM
# drive: http GET /form, line working
# answer: HTTP/1.1 200
# shape: a gunicorn arbiter and one gthread worker, embedded by BaseApplication, with a request in flight
import signal
import socket
import time

from gunicorn.app.base import BaseApplication


def form(environ, start_response):
    print("working", flush=True)
    time.sleep(0.5)
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "2")])
    return [b"ok"]


class Forms(BaseApplication):
    def load_config(self) -> None:
        self.cfg.set("bind", f"127.0.0.1:{port}")
        self.cfg.set("worker_class", "gthread")
        self.cfg.set("threads", 2)
        self.cfg.set("graceful_timeout", 5)
        self.cfg.set("loglevel", "critical")
        self.cfg.set("post_worker_init", self.booted)

    def load(self):
        return form

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
    Forms().run()
