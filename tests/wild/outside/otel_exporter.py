"""The batch processor does not cancel an export: its shutdown, which atexit calls, waits for an exporter of our
own that posts the spans without a timeout to a collector that does not answer.

https://github.com/open-telemetry/opentelemetry-python/issues/1860
"""

# RUN: {py} {file} {port}
# BEFORE: {py} helpers/silent.py {port}
# TAKES: 2.9
import asyncio
import signal
import sys

import requests
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult


class Exporter(SpanExporter):
    def export(self, spans):
        requests.post(f"http://127.0.0.1:{sys.argv[1]}/", data=str(len(spans)))  # <- here
        return SpanExportResult.SUCCESS


async def main():
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    provider = TracerProvider()
    provider.add_span_processor(BatchSpanProcessor(Exporter()))
    with provider.get_tracer("shop").start_as_current_span("order"):
        await asyncio.sleep(0.01)
    print("ready", flush=True)
    await stop.wait()


asyncio.run(main())
