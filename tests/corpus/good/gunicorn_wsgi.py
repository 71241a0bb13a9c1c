# expect: none
# stop: TERM
# total: 0.1
# at 3.8-3.9: total=1.0
# packages: gunicorn
# drive: line up 2
# shape: gunicorn with threads, WSGI
# truth: The arbiter and its two threaded workers end at once (gunicorn 23: at its next look, within 1 s).
"""A WSGI application under gunicorn's threaded workers."""
import os
import signal

from gunicorn.app.base import BaseApplication


def app(environ, start_response):
    start_response("200 OK", [("Content-Length", "2")])
    return [b"ok"]


class Application(BaseApplication):
    def load_config(self):
        settings = {"bind": "127.0.0.1:0", "workers": 2, "threads": 2, "loglevel": "warning"}
        if "control_socket_disable" in self.cfg.settings:
            settings["control_socket_disable"] = True
        for name, value in settings.items():
            self.cfg.set(name, value)
        self.cfg.set("when_ready", lambda arbiter: print("ready", flush=True))
        self.cfg.set("post_worker_init", lambda worker: os.write(1, b"up\n"))

    def load(self):
        return app


if __name__ == "__main__":
    signal.alarm(20)
    Application().run()
