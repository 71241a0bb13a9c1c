"""stop(grace) of an asyncio gRPC server waits for the calls in progress for as long as it is allowed to; a stream
that ends with its client takes all of it.

https://github.com/grpc/grpc/pull/19299
"""

# RUN: {py} {file} {port}
# CLIENT: {py} helpers/rpc.py {port}
# TAKES: 2.9
import asyncio
import signal
import sys

import grpc


async def watch(request, context):
    while True:
        yield b"tick"
        await asyncio.sleep(0.3)  # <- here


async def main():
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    server = grpc.aio.server()
    methods = {"watch": grpc.unary_stream_rpc_method_handler(watch)}
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("shop", methods),))
    server.add_insecure_port(f"127.0.0.1:{sys.argv[1]}")
    await server.start()
    print("ready", flush=True)
    await stop.wait()
    await server.stop(30)  # <- or here


asyncio.run(main())
