# expect: none
# stop: TERM
# total: 0.3
# packages: anyio
# prints: sent 3
# shape: anyio memory stream closed by the producer, consumer drains
# truth: The producer closes the stream; the consumer works off what is in it in 0.3 s.
"""A producer and a consumer on an anyio memory stream."""
import signal

import anyio


async def consume(stream):
    count = 0
    async with stream:
        async for _ in stream:
            await anyio.sleep(0.1)
            count += 1
    print("sent", count, flush=True)


async def main():
    signal.alarm(20)
    send, receive = anyio.create_memory_object_stream(10)
    with anyio.open_signal_receiver(signal.SIGTERM) as signals:
        async with anyio.create_task_group() as group:
            print("ready", flush=True)
            async for _ in signals:
                break
            async with send:
                for number in range(3):
                    send.send_nowait(number)
            group.start_soon(consume, receive)


anyio.run(main)
