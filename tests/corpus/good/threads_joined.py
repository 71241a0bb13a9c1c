# expect: none
# stop: TERM
# total: 0.0
# prints: 3 threads joined
# shape: plain threads with an Event, no asyncio
# truth: The threads wait for the event, end at once and are joined.
"""A threaded poller without asyncio."""
import signal
import threading

stop = threading.Event()


def poll(number):
    while not stop.wait(0.2):
        pass


def on_term(signum, frame):
    stop.set()


def main():
    signal.alarm(20)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, on_term)
    threads = [threading.Thread(target=poll, args=(number,)) for number in range(3)]
    for thread in threads:
        thread.start()
    print("ready", flush=True)
    for thread in threads:
        thread.join()
    print(len(threads), "threads joined", flush=True)


main()
