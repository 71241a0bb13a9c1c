# truth: terminate() ends the shell only; the tunnel that the shell had started lives on after the bot.
# expect: leaked-children
# total: 0.1
# leaves: 1
# stop: TERM
# shape: a shell command in a session of its own; terminate() and wait() reach the shell, not its child
import asyncio
import signal


class Tunnel:
    """`ssh -N -L ...`, restarted by a shell loop."""

    def __init__(self, command: str) -> None:
        self.command = command

    async def __aenter__(self) -> "Tunnel":
        self.process = await asyncio.create_subprocess_shell(
            self.command, stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL, start_new_session=True
        )
        await asyncio.sleep(0.1)
        return self

    async def __aexit__(self, *_) -> None:
        if self.process.returncode is None:
            self.process.terminate()
            await self.process.wait()


class Bot:
    def __init__(self, tunnel: Tunnel) -> None:
        self.tunnel = tunnel

    async def run(self) -> None:
        async with self.tunnel:
            print("ready", flush=True)
            while True:
                await asyncio.sleep(0.2)


async def main() -> None:
    bot = asyncio.ensure_future(Bot(Tunnel("while true; do sleep 15; done")).run())
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, bot.cancel)
    try:
        await bot
    except asyncio.CancelledError:
        print("bot has left", flush=True)


if __name__ == "__main__":
    signal.alarm(20)
    asyncio.run(main())
