# expect: none
# stop: TERM
# total: 0.4
# prints: all done
# shape: queue.join() first, consumers cancelled after it
# truth: The items in the queue are worked off in 0.4 s, then the consumers are cancelled.
"""A queue with two consumers that is worked off at the end."""
import asyncio
import signal


async def consume(queue, started):
    while True:
        await queue.get()
        started.set()
        await asyncio.sleep(0.25)
        queue.task_done()


async def main():
    signal.alarm(20)
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    queue, started = asyncio.Queue(), asyncio.Event()
    for item in range(4):
        queue.put_nowait(item)
    consumers = [asyncio.create_task(consume(queue, started)) for _ in range(2)]
    await started.wait()
    print("ready", flush=True)
    await stop.wait()
    await queue.join()
    for consumer in consumers:
        consumer.cancel()
    await asyncio.gather(*consumers, return_exceptions=True)
    print("all done", flush=True)


asyncio.run(main())
