# truth: hypercorn's serve() installs its own SIGTERM handler over the service's, so the drain is never begun.
# expect: handler-displaced
# where: main
# total: 0.1
# packages: hypercorn
# stop: TERM
# silent: announced
# prints: left
# shape: the loop's handler of the service first, then hypercorn.asyncio.serve() without a shutdown_trigger
import asyncio
import signal

from hypercorn.asyncio import serve
from hypercorn.config import Config


class LoadBalancer:
    def __init__(self) -> None:
        self.leaving = asyncio.Event()

    def on_signal(self) -> None:
        print("announced", flush=True)
        self.leaving.set()


async def app(scope, receive, send) -> None:
    if scope["type"] == "lifespan":
        while True:
            message = await receive()
            await send({"type": message["type"] + ".complete"})
            if message["type"] == "lifespan.startup":
                print("ready", flush=True)
            if message["type"] == "lifespan.shutdown":
                return
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"ok"})


async def main() -> None:
    config = Config()
    config.bind = ["127.0.0.1:0"]
    config.accesslog = config.errorlog = None
    balancer = LoadBalancer()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, balancer.on_signal)  # <- or here
    await serve(app, config)  # <- here
    print("left", flush=True)


if __name__ == "__main__":
    signal.alarm(20)
    asyncio.run(main())
