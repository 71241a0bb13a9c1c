# expect: loop-blocked
# where: deregister
# seconds: 0.8
# total: 0.8
# stop: TERM
# prints: registry said bye
# shape: a blocking socket read, as requests would do
# truth: Deregistering is done with a blocking socket in a coroutine; the registry takes 0.8 s to answer.
"""Registers with an old registry that only has a blocking client."""
import asyncio
import signal
import socket
import threading
import time


def registry(listener):
    connection, _ = listener.accept()
    connection.recv(100)
    time.sleep(0.8)
    connection.sendall(b"bye")


def deregister(port):
    client = socket.create_connection(("127.0.0.1", port))
    with client:
        client.sendall(b"DELETE /me")
        print("registry said", client.recv(100).decode(), flush=True)  # <- here


async def main():
    signal.alarm(20)
    listener = socket.create_server(("127.0.0.1", 0))
    threading.Thread(target=registry, args=(listener,), daemon=True).start()
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    print("ready", flush=True)
    await stop.wait()
    deregister(listener.getsockname()[1])


asyncio.run(main())
