# expect: none
# stop: TERM
# total: 0.1
# prints: relay closed
# shape: a hand-made loop with loop.stop, everything cancelled and gathered before close
# truth: After loop.stop the tasks are cancelled, gathered (0.05 s), generators closed and the loop closed.
"""A hand-made loop, put away in the right order."""
import asyncio
import signal


async def relay(name):
    try:
        while True:
            await asyncio.sleep(1)
    finally:
        await asyncio.sleep(0.05)
        print("relay closed", name, flush=True)


def main():
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    tasks = [loop.create_task(relay(name)) for name in ("up", "down")]
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, loop.stop)
    loop.call_soon(lambda: print("ready", flush=True))
    try:
        loop.run_forever()
        for task in tasks:
            task.cancel()
        loop.run_until_complete(asyncio.gather(*tasks, return_exceptions=True))
        loop.run_until_complete(loop.shutdown_asyncgens())
    finally:
        asyncio.set_event_loop(None)
        loop.close()


if __name__ == "__main__":
    signal.alarm(20)
    main()
