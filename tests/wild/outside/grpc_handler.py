"""A synchronous gRPC server is stopped while a call is in progress: the client is sent away, the handler's thread
knows nothing of it, and the interpreter joins it.

https://github.com/grpc/grpc/issues/40834
"""

# RUN: {py} {file} {port}
# CLIENT: {py} helpers/rpc.py {port}
# TAKES: 2.9
import signal
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import grpc


def watch(request, context):
    yield b"first"
    while True:
        time.sleep(0.5)  # <- here


asked = threading.Event()
signal.signal(signal.SIGTERM, lambda number, frame: asked.set())
server = grpc.server(ThreadPoolExecutor(2))
methods = {"watch": grpc.unary_stream_rpc_method_handler(watch)}
server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("shop", methods),))
server.add_insecure_port(f"127.0.0.1:{sys.argv[1]}")
server.start()
print("ready", flush=True)
asked.wait()
server.stop(None).wait()
