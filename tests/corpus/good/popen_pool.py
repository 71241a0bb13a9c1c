# expect: none
# stop: TERM
# total: 0.0
# prints: all ended
# shape: several Popen children, terminated, waited with a limit
# truth: Three children are terminated and each is waited for with a limit; none lives longer.
"""Starts three helpers without asyncio."""
import signal
import subprocess
import threading

stopping = threading.Event()


def main():
    signal.alarm(20)
    signal.signal(signal.SIGTERM, lambda *_: stopping.set())
    helpers = [subprocess.Popen(["sleep", "15"], start_new_session=True) for _ in range(3)]
    print("ready", flush=True)
    while not stopping.wait(0.1):
        pass
    for helper in helpers:
        helper.terminate()
    for helper in helpers:
        try:
            helper.wait(timeout=5)
        except subprocess.TimeoutExpired:
            helper.kill()
            helper.wait()
    print("all ended", flush=True)


if __name__ == "__main__":
    main()
