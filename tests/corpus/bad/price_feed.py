# truth: The error guard around each poll takes CancelledError for a failed poll and logs it, so the feed polls on for ever.
# expect: cancel-swallowed
# where: reported
# exit: KILL
# grace: 2
# stop: TERM
# shape: an asynccontextmanager that ends every exception of its body, in an endless loop, cancelled by its supervisor
import asyncio
import contextlib
import signal


@contextlib.asynccontextmanager
async def reported(name: str):
    try:
        yield
    except BaseException as error:  # <- here
        print(f"{name}: {error!r}", flush=True)


class Feed:
    def __init__(self, symbol: str) -> None:
        self.symbol = symbol
        self.price = 0.0

    async def _poll(self) -> None:
        await asyncio.sleep(0.1)  # <- or here
        self.price += 0.25

    async def follow(self) -> None:
        while True:
            async with reported(self.symbol):
                await self._poll()


async def main() -> None:
    feeds = [asyncio.ensure_future(Feed(symbol).follow()) for symbol in ("BTC", "ETH")]
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    await asyncio.sleep(0.05)
    print("ready", flush=True)
    await stop.wait()
    for feed in feeds:
        feed.cancel()
    await asyncio.wait(feeds)


if __name__ == "__main__":
    signal.alarm(20)
    asyncio.run(main())
