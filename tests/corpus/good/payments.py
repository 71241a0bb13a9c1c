# truth: The shielded commit is awaited after the cancellation: 0.3 s of a transaction that was under way.
# expect: none
# total: 0.4
# stop: TERM
# prints: committed
# shape: shield, then the inner task is awaited in the except clause, then the cancellation goes on
import asyncio
import signal


class Ledger:
    async def commit(self, entry: int) -> None:
        await asyncio.sleep(0.4)
        print("committed", entry, flush=True)

    async def book(self, entry: int) -> None:
        commit = asyncio.ensure_future(self.commit(entry))
        try:
            await asyncio.shield(commit)
        except asyncio.CancelledError:
            await commit
            raise


async def main() -> None:
    running = asyncio.current_task()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, running.cancel)
    print("ready", flush=True)
    await Ledger().book(12)
    await asyncio.sleep(60)


if __name__ == "__main__":
    signal.alarm(20)
    try:
        asyncio.run(main())
    except asyncio.CancelledError:
        print("ledger closed", flush=True)
