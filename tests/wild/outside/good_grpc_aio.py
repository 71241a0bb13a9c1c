"""GOOD: an asyncio gRPC server whose stream looks at the stop."""

# RUN: {py} {file} {port}
# CLIENT: {py} helpers/rpc.py {port}
# SAID: stopped
import asyncio
import signal
import sys

import grpc

stop = asyncio.Event()


async def watch(request, context):
    yield b"tick"
    await stop.wait()


async def main():
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    server = grpc.aio.server()
    methods = {"watch": grpc.unary_stream_rpc_method_handler(watch)}
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("shop", methods),))
    server.add_insecure_port(f"127.0.0.1:{sys.argv[1]}")
    await server.start()
    print("ready", flush=True)
    await stop.wait()
    await server.stop(5)
    print("stopped", flush=True)


asyncio.run(main())
