# truth: On the way out a synchronous HTTP call to a registry that does not answer blocks the loop until its 0.9 s timeout.
# expect: loop-blocked
# where: _call
# seconds: 0.9
# total: 0.9
# stop: TERM
# shape: http.client in an async def, behind a base class's hook, its timeout caught
import abc
import asyncio
import http.client
import signal
import socket


class Component(abc.ABC):
    async def start(self) -> None:
        pass

    async def stop(self) -> None:
        await self.on_stop()

    @abc.abstractmethod
    async def on_stop(self) -> None: ...


class Registration(Component):
    def __init__(self, port: int) -> None:
        self.port = port

    def _call(self, method: str, path: str) -> int:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=0.9)
        try:
            connection.request(method, path)
            return connection.getresponse().status  # <- here
        except OSError as error:
            print("registry:", error, flush=True)
            return 0
        finally:
            connection.close()

    async def on_stop(self) -> None:
        self._call("PUT", "/v1/agent/service/deregister/api-1")


class Poller(Component):
    async def start(self) -> None:
        self.task = asyncio.ensure_future(self._poll())

    async def _poll(self) -> None:
        while True:
            await asyncio.sleep(0.05)

    async def on_stop(self) -> None:
        self.task.cancel()
        await asyncio.gather(self.task, return_exceptions=True)


async def main(port: int) -> None:
    components = [Registration(port), Poller()]
    for component in components:
        await component.start()
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    print("ready", flush=True)
    await stop.wait()
    await asyncio.gather(*(component.stop() for component in components))


if __name__ == "__main__":
    signal.alarm(20)
    with socket.socket() as registry:  # accepts, and never answers
        registry.bind(("127.0.0.1", 0))
        registry.listen()
        asyncio.run(main(registry.getsockname()[1]))
