# expect: leaked-children
# total: 0.0
# stop: TERM
# leaves: 1
# shape: a session of its own (setsid)
# truth: The tunnel process was started in a session of its own and is not ended with the worker.
"""Keeps a tunnel open with an outside program."""
import asyncio
import signal
import subprocess


class Tunnel:
    def open(self):
        null = subprocess.DEVNULL
        self.process = subprocess.Popen(
            ["sleep", "15"], stdin=null, stdout=null, stderr=null, start_new_session=True
        )
        return self


async def main():
    signal.alarm(20)
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    tunnel = Tunnel().open()
    print("ready", flush=True)
    await stop.wait()
    print("leaving", tunnel.process.poll(), flush=True)


asyncio.run(main())
