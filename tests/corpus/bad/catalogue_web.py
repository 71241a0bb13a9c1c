# truth: The database part of the application's cleanup context retires its connections, the slowest of which takes 0.9 s.
# expect: slow-task
# where: _retire
# seconds: 0.9
# total: 1.0
# packages: aiohttp
# stop: TERM
# shape: aiohttp cleanup_ctx, the code after the yield, through a pool's close() and an as_completed loop
import asyncio
import signal

from aiohttp import web


class Connection:
    def __init__(self, number: int) -> None:
        self.number = number

    async def _retire(self) -> int:
        await asyncio.sleep(0.3 * self.number)  # <- here
        return self.number


class Pool:
    def __init__(self, size: int) -> None:
        self.connections = [Connection(number + 1) for number in range(size)]

    async def close(self) -> None:
        for retired in asyncio.as_completed([connection._retire() for connection in self.connections]):
            print("retired", await retired, flush=True)


async def database(app: web.Application):
    app["pool"] = Pool(3)
    yield
    await app["pool"].close()


async def announce(app: web.Application) -> None:
    asyncio.get_running_loop().call_later(0.2, lambda: print("ready", flush=True))


def build() -> web.Application:
    app = web.Application()
    app.cleanup_ctx.append(database)
    app.on_startup.append(announce)
    return app


if __name__ == "__main__":
    signal.alarm(20)
    web.run_app(build(), host="127.0.0.1", port=0, print=None)
