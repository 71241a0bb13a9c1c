"""flush() of a librdkafka producer waits until every message is delivered or given up; with the broker away that
takes five minutes. It is one call into C.

https://github.com/confluentinc/confluent-kafka-python/issues/119
"""

# TAKES: 2.9
# LOST: flushed
import signal
import threading

from confluent_kafka import Producer

asked = threading.Event()
signal.signal(signal.SIGTERM, lambda number, frame: asked.set())
producer = Producer({"bootstrap.servers": "127.0.0.1:1"})
producer.produce("orders", b"one")
print("ready", flush=True)
asked.wait()
producer.flush()  # <- here
print("flushed", flush=True)
