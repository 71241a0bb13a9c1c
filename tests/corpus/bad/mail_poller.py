# expect: loop-closed-with-pending-tasks
# accept: task-destroyed-pending
# where: check
# total: 0.0
# stop: TERM
# prints: Task was destroyed but it is pending!
# silent: logged out
# shape: run_until_complete(main) and loop.close() by hand
# truth: The loop is closed while the mailbox task still waits, so it never logs out.
"""Looks into a mailbox every few seconds, on a hand-made loop."""
import asyncio
import signal


class Mailbox:
    async def logout(self):
        await asyncio.sleep(0.1)
        print("logged out", flush=True)

    async def check(self):
        try:
            while True:
                await asyncio.sleep(4)  # <- here
        except asyncio.CancelledError:
            await self.logout()
            raise


async def main(loop):
    stop = loop.create_future()
    loop.add_signal_handler(signal.SIGTERM, stop.set_result, None)
    mailbox = loop.create_task(Mailbox().check())  # noqa: F841 - a reference
    print("ready", flush=True)
    await stop


signal.alarm(20)
loop = asyncio.new_event_loop()
asyncio.set_event_loop(loop)
try:
    loop.run_until_complete(main(loop))
finally:
    loop.close()
