# expect: non-daemon-thread
# also: killed
# where: deliver
# exit: KILL
# stop: TERM
# grace: 2
# prints: main is over
# shape: a thread in queue.get() that nobody wakes, killed
# truth: The mail thread waits for the next message for ever; the interpreter's exit waits for the thread.
"""Delivers mail from a thread."""
import queue
import signal
import threading

mails = queue.Queue()
stopping = threading.Event()


def deliver():
    while True:
        mail = mails.get()  # <- here
        print("delivered", mail, flush=True)
        mails.task_done()


def main():
    signal.alarm(20)
    signal.signal(signal.SIGTERM, lambda signum, frame: stopping.set())
    threading.Thread(target=deliver, name="mail").start()
    mails.put("welcome")
    mails.join()
    print("ready", flush=True)
    while not stopping.is_set():
        stopping.wait(0.1)
    print("main is over", flush=True)


if __name__ == "__main__":
    main()
