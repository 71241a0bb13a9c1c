# expect: loop-closed-with-pending-tasks
# accept: task-destroyed-pending
# where: ask
# total: 0.0
# stop: TERM
# prints: Task was destroyed but it is pending!
# silent: connection returned
# shape: asyncio.wait(FIRST_COMPLETED) leaves the others, loop closed by hand
# truth: main leaves when the stop event wins the race; the two other racers are abandoned with the loop.
"""Asks two mirrors and takes the first answer."""
import asyncio
import signal


async def ask(mirror, delay):
    try:
        await asyncio.sleep(delay)  # <- here
        return mirror
    finally:
        await asyncio.sleep(0)
        print("connection returned", flush=True)


async def main():
    stop = asyncio.Event()
    asyncio.get_event_loop().add_signal_handler(signal.SIGTERM, stop.set)
    racers = [asyncio.ensure_future(ask("eu", 11)), asyncio.ensure_future(ask("us", 12))]
    racers.append(asyncio.ensure_future(stop.wait()))
    print("ready", flush=True)
    done, pending = await asyncio.wait(racers, return_when=asyncio.FIRST_COMPLETED)
    print(len(done), "done", flush=True)


if __name__ == "__main__":
    signal.alarm(20)
    loop = asyncio.new_event_loop()
    loop.run_until_complete(main())
    loop.close()
