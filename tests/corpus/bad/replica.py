# expect: slow-task
# also: loop-blocked
# where: hand_over
# seconds: 2.4
# total: 3.0
# stop: TERM
# prints: handed over
# shape: two causes in a row, the second is the bigger
# truth: First compaction blocks the loop for 0.6 s, then handing over to the peer takes 2.4 s.
"""A storage node that compacts and hands over when it leaves."""
import asyncio
import signal
import time


def compact(segments):
    for _ in range(segments):
        time.sleep(0.2)


async def hand_over(peer):
    await asyncio.sleep(2.4)  # <- here
    print("handed over to", peer, flush=True)


async def leave():
    compact(3)
    await hand_over("node-2")


async def main():
    signal.alarm(20)
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    print("ready", flush=True)
    await stop.wait()
    await leave()


asyncio.run(main())
