# expect: waits-for-nobody
# accept: slow-task
# also: killed
# where: drain
# exit: KILL
# stop: TERM
# grace: 2
# prints: consumers cancelled
# silent: queue is empty
# shape: queue.join() after the consumers were cancelled, killed
# truth: The consumers are cancelled first; queue.join() then waits for items that nobody takes any more.
"""Resizes pictures from a queue with three consumers."""
import asyncio
import signal


async def consume(queue):
    while True:
        await queue.get()
        await asyncio.sleep(0.4)
        queue.task_done()


async def drain(queue, consumers):
    for consumer in consumers:
        consumer.cancel()
    await asyncio.gather(*consumers, return_exceptions=True)
    print("consumers cancelled", flush=True)
    await queue.join()  # <- here
    print("queue is empty", flush=True)


async def main():
    signal.alarm(20)
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    queue = asyncio.Queue()
    for number in range(50):
        queue.put_nowait(number)
    consumers = [asyncio.create_task(consume(queue)) for _ in range(3)]
    print("ready", flush=True)
    await stop.wait()
    await drain(queue, consumers)


asyncio.run(main())
