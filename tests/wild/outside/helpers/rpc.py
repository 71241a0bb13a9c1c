"""Call the server-streaming method /shop/watch on 127.0.0.1:PORT and read until its end: rpc.py PORT."""

import contextlib
import sys

import grpc

with grpc.insecure_channel(f"127.0.0.1:{sys.argv[1]}") as channel, contextlib.suppress(grpc.RpcError):
    for _ in channel.unary_stream("/shop/watch")(b""):
        pass
