# truth: The shielded payment is not awaited after its request is cancelled; asyncio.run() cancels it in mid-capture.
# expect: shielded-work-cut
# where: _capture
# total: 0.05
# stop: TERM
# silent: captured
# shape: asyncio.shield() in a decorator, around a method two calls above the await that is cut
import asyncio
import functools
import signal


def uninterruptible(method):
    @functools.wraps(method)
    async def shielded(*args, **kwargs):
        return await asyncio.shield(method(*args, **kwargs))  # <- or here

    return shielded


class Payments:
    async def _capture(self, order: int) -> None:
        await asyncio.sleep(0.7)  # <- here
        print("captured", order, flush=True)

    @uninterruptible
    async def pay(self, order: int) -> None:
        await self._capture(order)


class Checkout:
    def __init__(self, payments: Payments) -> None:
        self.payments = payments

    async def handle(self, order: int) -> None:
        await self.payments.pay(order)


async def main() -> None:
    checkout = Checkout(Payments())
    requests = [asyncio.ensure_future(checkout.handle(order)) for order in (7,)]
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    await asyncio.sleep(0.05)
    print("ready", flush=True)
    await stop.wait()
    for request in requests:
        request.cancel()
    await asyncio.gather(*requests, return_exceptions=True)
    print("checkout closed", flush=True)


if __name__ == "__main__":
    signal.alarm(20)
    asyncio.run(main())
