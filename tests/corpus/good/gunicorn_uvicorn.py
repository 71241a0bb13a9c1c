# expect: none
# stop: TERM
# total: 0.2
# packages: gunicorn, uvicorn
# drive: line up 2
# shape: gunicorn with two uvicorn workers
# truth: The arbiter ends its two uvicorn workers, each within its polling, and leaves.
"""gunicorn with uvicorn workers, started from Python."""
import os
import signal

from gunicorn.app.base import BaseApplication


async def app(scope, receive, send):
    if scope["type"] == "lifespan":
        while True:
            message = await receive()
            await send({"type": message["type"] + ".complete"})
            if message["type"] == "lifespan.shutdown":
                return
            os.write(1, b"up\n")  # whole lines, also with two writers


class Application(BaseApplication):
    def load_config(self):
        self.cfg.set("bind", "127.0.0.1:0")
        self.cfg.set("workers", 2)
        self.cfg.set("worker_class", "uvicorn.workers.UvicornWorker")
        self.cfg.set("loglevel", "warning")
        self.cfg.set("when_ready", lambda arbiter: print("ready", flush=True))
        if "control_socket_disable" in self.cfg.settings:
            self.cfg.set("control_socket_disable", True)

    def load(self):
        return app


if __name__ == "__main__":
    signal.alarm(20)
    Application().run()
