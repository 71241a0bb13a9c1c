"""The last thing that the service does is to delete its session from a MongoDB that is down already: the driver
looks for a server for 30 s.

https://github.com/mongodb-labs/flask-pymongo/issues/72
"""

# TAKES: 2.9
# LOST: session is gone
import signal
import sys

from pymongo import MongoClient

client = MongoClient("mongodb://127.0.0.1:1/")
signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(0))


def main():
    print("ready", flush=True)
    try:
        while True:
            signal.pause()
    finally:
        client.shop.sessions.delete_one({"service": "web"})  # <- here
        print("session is gone", flush=True)


main()
