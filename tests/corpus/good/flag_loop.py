# expect: none
# stop: TERM
# total: 0.2
# prints: left the loop
# shape: a flag set by signal.signal, tested by the loop
# truth: The main coroutine looks at the flag every 0.2 s.
"""A flag and a polling loop, the oldest idiom."""
import asyncio
import signal


class Daemon:
    running = True

    def stop(self, signum, frame):
        self.running = False

    async def run(self):
        while self.running:
            await asyncio.sleep(0.2)
        print("left the loop", flush=True)


signal.alarm(20)
daemon = Daemon()
signal.signal(signal.SIGTERM, daemon.stop)
signal.signal(signal.SIGINT, daemon.stop)
print("ready", flush=True)
asyncio.run(daemon.run())
