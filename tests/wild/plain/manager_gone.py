"""The whole process group gets SIGTERM, and with it the server process of a multiprocessing manager, which has no
handler: the workers' last look into the shared cache meets a dead manager and fails.

https://github.com/keylime/keylime/issues/1882
"""

# EXPECT: no-signal-handler --child-only
# LOST: saved strict
import multiprocessing
import signal
import time

asked = []

if __name__ == "__main__":
    with multiprocessing.get_context("fork").Manager() as manager:
        cache = manager.dict(policy="strict")
        signal.signal(signal.SIGTERM, lambda number, frame: asked.append(number))
        print("ready", flush=True)
        while not asked:
            time.sleep(0.05)
        time.sleep(0.2)  # the polls under way
        print("saved", cache["policy"], flush=True)
