"""The service tells the world that it goes, through a Kafka producer whose broker is down: send() waits a minute
for the topic's metadata, in the main thread.

https://github.com/dpkp/kafka-python/pull/3108
"""

# TAKES: 2.9
import signal
import sys

from kafka import KafkaProducer

producer = KafkaProducer(bootstrap_servers="127.0.0.1:1", api_version=(2, 5))


def stop(number, frame):
    producer.send("services", b"stopped")  # <- here
    sys.exit(0)


signal.signal(signal.SIGTERM, stop)
print("ready", flush=True)
while True:
    signal.pause()
