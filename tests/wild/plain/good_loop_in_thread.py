"""GOOD: as loop_in_thread, stopped by call_soon_threadsafe, with its tasks cancelled and awaited first."""

# SAID: stopped
import asyncio
import signal
import threading

stop = asyncio.Event()


async def work():
    try:
        await asyncio.sleep(3600)
    finally:
        await asyncio.sleep(0.05)  # says goodbye


async def serve():
    task = asyncio.create_task(work())
    await stop.wait()
    task.cancel()
    await asyncio.wait([task])


loop = asyncio.new_event_loop()
thread = threading.Thread(target=loop.run_until_complete, args=(serve(),), name="loop")
asked = threading.Event()
signal.signal(signal.SIGTERM, lambda number, frame: asked.set())
thread.start()
print("ready", flush=True)
asked.wait()
loop.call_soon_threadsafe(stop.set)
thread.join()
loop.close()
print("stopped", flush=True)
