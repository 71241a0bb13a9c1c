# truth: hypercorn is given a shutdown trigger, so the service's one handler serves both; the drain takes 0.2 s.
# expect: none
# total: 0.4
# packages: hypercorn
# stop: TERM
# prints: announced, left
# shape: hypercorn.asyncio.serve() with shutdown_trigger, one handler that is never displaced
import asyncio
import signal

from hypercorn.asyncio import serve
from hypercorn.config import Config


class Lifecycle:
    def __init__(self) -> None:
        self.leaving = asyncio.Event()

    def on_signal(self) -> None:
        print("announced", flush=True)
        self.leaving.set()

    async def trigger(self) -> None:
        await self.leaving.wait()
        await asyncio.sleep(0.2)


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
    lifecycle = Lifecycle()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, lifecycle.on_signal)
    await serve(app, config, shutdown_trigger=lifecycle.trigger)
    print("left", flush=True)


if __name__ == "__main__":
    signal.alarm(20)
    asyncio.run(main())
