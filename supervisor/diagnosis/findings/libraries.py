"""What servers and libraries offer to end or bound a wait of theirs: facts with their sources. Reads nothing.

A fact is told when its package is on the chain of a finding, and the command line does not show that the program does
it already. A source is the page or file where it is written; a version is where that option first was.
"""

from __future__ import annotations

from supervisor.core.frozen import Frozen

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

_HELD = (
    "slow-task", "killed", "waits-for-nobody", "server-wait-closed", "executor-busy", "main-thread-busy",
    "waits-for-child", "cancel-swallowed",
)  # fmt: skip
_CUT = ("no-signal-handler", "exit-without-cleanup", "killed", "work-cut-short")


class Fact(Frozen):
    """``unless``: words on the command line that show it is done already. ``codes``: the findings that it helps."""

    package: str
    codes: tuple[str, ...]
    advice: str
    source: str
    unless: tuple[str, ...] = ()


FACTS = (
    Fact(
        "uvicorn",
        _HELD,
        "uvicorn waits for open requests without a limit: --timeout-graceful-shutdown N sets one (0.22+).",
        "https://www.uvicorn.org/settings/#timeouts",
        ("--timeout-graceful-shutdown",),
    ),
    Fact(
        "uvicorn",
        ("work-cut-short",),
        "uvicorn cut it when --timeout-graceful-shutdown was over.",
        "https://www.uvicorn.org/settings/#timeouts",
    ),
    Fact(
        "gunicorn",
        _HELD,
        "gunicorn gives its workers --graceful-timeout N seconds (30 unless set), then kills them.",
        "https://docs.gunicorn.org/en/stable/settings.html#graceful-timeout",
        ("--graceful-timeout",),
    ),
    Fact(
        "hypercorn",
        _HELD,
        "hypercorn's --graceful-timeout N (3 s unless set) bounds open requests; on Python 3.12 and later a "
        "server whose clients stay connected may wait longer (h2, websockets).",
        "https://hypercorn.readthedocs.io/en/latest/how_to_guides/configuring.html",
    ),
    Fact(
        "granian",
        (*_HELD, "leaked-children"),
        "granian waits for its workers without a limit: --workers-kill-timeout N sets one (2.0+).",
        "https://github.com/emmett-framework/granian#options",
        ("--workers-kill-timeout",),
    ),
    Fact(
        "aiohttp",
        _HELD,
        "aiohttp waits for open requests for 60 s: run_app(..., shutdown_timeout=N); close websockets and streams "
        "in app.on_shutdown.",
        "https://docs.aiohttp.org/en/stable/web_advanced.html#graceful-shutdown",
    ),
    Fact(
        "celery",
        _CUT,
        "Send the signal to celery's main process only (--child-only): its pool processes end at once when they "
        "get it too.",
        "https://docs.celeryq.dev/en/stable/userguide/workers.html#stopping-the-worker",
    ),
    Fact(
        "celery",
        ("slow-task", "waits-for-child", "main-thread-busy"),
        "celery finishes running tasks without a limit: worker_soft_shutdown_timeout = N with "
        "REMAP_SIGTERM=SIGQUIT sets one (5.5+).",
        "https://docs.celeryq.dev/en/stable/userguide/workers.html#soft-shutdown",
    ),
    Fact(
        "dramatiq",
        _CUT,
        "Send the signal to dramatiq's main process only (--child-only): it passes it on to its worker processes, "
        "and a second one ends them at once.",
        "https://dramatiq.io/advanced.html#signals",
    ),
    Fact(
        "dramatiq",
        ("slow-task", "waits-for-child", "main-thread-busy", "non-daemon-thread"),
        "dramatiq lets running messages finish for 10 minutes: --worker-shutdown-timeout MILLISECONDS sets "
        "another limit.",
        "dramatiq/cli.py, --worker-shutdown-timeout",
        ("--worker-shutdown-timeout",),
    ),
    Fact(
        "taskiq",
        _HELD,
        "taskiq waits for running tasks without a limit: --wait-tasks-timeout N sets one; --shutdown-timeout N "
        "bounds the broker's shutdown.",
        "https://taskiq-python.github.io/guide/cli.html",
        ("--wait-tasks-timeout",),
    ),
    Fact(
        "arq",
        (*_HELD, "work-cut-short"),
        "arq cancels running jobs at once and starts them again later: WorkerSettings.job_completion_wait = N "
        "lets them finish (0.26+).",
        "https://arq-docs.helpmanual.io/#graceful-shutdown-with-jobs",
    ),
    Fact(
        "grpc",
        ("no-signal-handler", "slow-finalize", *_HELD),
        "A grpc server ends by await server.stop(grace), called by a handler of the signal "
        "(loop.add_signal_handler); wait_for_termination() alone never raises for it.",
        "https://grpc.github.io/grpc/python/grpc_asyncio.html#grpc.aio.Server.stop",
    ),
    Fact(
        "asyncpg",
        _HELD,
        "asyncpg's pool.close() waits until each connection was given back (async with pool.acquire()): bound it "
        "with asyncio.wait_for(), then pool.terminate().",
        "https://magicstack.github.io/asyncpg/current/api/index.html#asyncpg.pool.Pool.close",
    ),
    Fact(
        "psycopg_pool",
        _HELD,
        "psycopg's pool.close(timeout=5) waits for its workers; give back each connection first.",
        "https://www.psycopg.org/psycopg3/docs/api/pool.html#psycopg_pool.ConnectionPool.close",
    ),
    Fact(
        "sqlalchemy",
        _HELD,
        "await engine.dispose() in the shutdown hook closes SQLAlchemy's pool; a connection that is checked out "
        "stays open until it is given back.",
        "https://docs.sqlalchemy.org/en/20/orm/extensions/asyncio.html#sqlalchemy.ext.asyncio.AsyncEngine.dispose",
    ),
    Fact(
        "redis",
        _HELD,
        "redis: give blocking reads a limit (get_message(timeout=1), socket_timeout=...) or cancel the reader's "
        "task, then await client.aclose() (5.0.1+).",
        "https://redis.readthedocs.io/en/stable/examples/asyncio_examples.html",
    ),
    Fact(
        "opentelemetry",
        ("slow-atexit", "non-daemon-thread", "executor-busy"),
        "opentelemetry: TracerProvider(shutdown_on_exit=False) and force_flush(timeout) of your own before main() "
        "returns; since 1.35 the exporters' back-off ends with shutdown().",
        "https://github.com/open-telemetry/opentelemetry-python/pull/4638",
    ),
    Fact(
        "apscheduler",
        _HELD,
        "APScheduler: scheduler.shutdown(wait=False) does not wait for running jobs.",
        "https://apscheduler.readthedocs.io/en/3.x/userguide.html#shutting-down-the-scheduler",
    ),
    Fact(
        "requests",
        ("executor-busy", "non-daemon-thread", "slow-atexit"),
        "requests waits without a limit unless it is given timeout=(connect, read).",
        "https://requests.readthedocs.io/en/latest/user/advanced/#timeouts",
    ),
    Fact(
        "starlette",
        ("slow-task",),
        "A streaming response ends when its generator does: look at await request.is_disconnected() and at the "
        "stop request inside the loop.",
        "https://www.starlette.io/requests/#body",
    ),
    Fact(
        "kafka",
        _HELD,
        "kafka: consumer.poll(timeout_ms=...) in a loop that looks at the stop request, then close().",
        "https://kafka-python.readthedocs.io/en/master/apidoc/KafkaConsumer.html",
    ),
)
# More than this many would bury the advice itself.
MOST = 2


def advice(code: str, packages: Iterable[str], argv: Sequence[str]) -> str:
    """Return the facts that help a finding of this code, in the order of the packages, the outermost of the chain
    first.
    """
    found: list[str] = []
    for package in dict.fromkeys(packages):
        for fact in FACTS:
            done = any(word == option or word.startswith(f"{option}=") for option in fact.unless for word in argv)
            if fact.package == package and code in fact.codes and not done and fact.advice not in found:
                found.append(fact.advice)
    return " ".join(found[:MOST])
