# expect: none
# stop: TERM
# total: 0.0
# shape: an executor whose threads are idle
# truth: The default executor has idle threads; they end at once.
"""Looked something up in a thread at start-up."""
import asyncio
import signal
import socket


async def main():
    signal.alarm(20)
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    loop.add_signal_handler(signal.SIGTERM, stop.set)
    infos = await loop.getaddrinfo("127.0.0.1", 80, type=socket.SOCK_STREAM)
    names = await asyncio.gather(*(loop.run_in_executor(None, str, info) for info in infos * 4))
    print("ready", len(names), flush=True)
    await stop.wait()


asyncio.run(main())
