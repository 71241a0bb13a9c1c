"""What servers and libraries offer to end or bound a wait of theirs, and how long they wait: facts with sources.

A source is the page where it is written, or the file of the package; a version is the first one that has the option.
No logic: findings/libraries.py makes advice of it, limits.py compares the limits with ours.
"""

from __future__ import annotations

from supervisor.core.frozen import Frozen

_HELD = (
    "slow-task", "killed", "waits-for-nobody", "server-wait-closed", "executor-busy", "main-thread-busy",
    "waits-for-child", "cancel-swallowed",
)  # fmt: skip
_CUT = ("no-signal-handler", "exit-without-cleanup", "killed", "work-cut-short")


class Fact(Frozen):
    """``codes``: the findings that it helps. ``unless``: options that show that it is done already; ``only``: options
    without which it does not apply; ``group``: it applies only to a signal that went to the whole group.
    """

    package: str
    codes: tuple[str, ...]
    advice: str
    source: str
    unless: tuple[str, ...] = ()
    only: tuple[str, ...] = ()
    group: bool = False


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
        only=("--timeout-graceful-shutdown",),
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
        "granian waits for its workers without a limit: --workers-kill-timeout N sets one (1.7+).",
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
        (*_CUT, "slow-atexit"),
        "Send the signal to celery's main process only (--child-only): its pool processes end at once when they "
        "get it too.",
        "billiard/common.py, reset_signals; docs.celeryq.dev, userguide/workers.html, 'Stopping the worker'",
        group=True,
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
        "dramatiq/cli.py, worker_process: termhandler",
        group=True,
    ),
    Fact(
        "dramatiq",
        ("slow-task", "waits-for-child", "main-thread-busy", "non-daemon-thread"),
        "dramatiq lets running messages finish for 10 minutes: --worker-shutdown-timeout MILLISECONDS sets "
        "another limit (1.10+).",
        "dramatiq/cli.py, --worker-shutdown-timeout",
        ("--worker-shutdown-timeout",),
    ),
    Fact(
        "taskiq",
        _HELD,
        "taskiq waits for running tasks without a limit: --wait-tasks-timeout N sets one (0.11.1+); "
        "--shutdown-timeout N bounds the broker's shutdown.",
        "https://taskiq-python.github.io/guide/cli.html",
        ("--wait-tasks-timeout",),
    ),
    Fact(
        "arq",
        (*_HELD, "work-cut-short"),
        "arq cancels running jobs at once and starts them again later: WorkerSettings.job_completion_wait = N "
        "lets them finish (0.25+).",
        "arq/worker.py, job_completion_wait",
    ),
    Fact(
        "grpc",
        ("no-signal-handler", "slow-finalize", *_HELD),
        "A grpc server ends by await server.stop(grace), called by a handler of the signal "
        "(loop.add_signal_handler); wait_for_termination() alone never raises for it.",
        "https://grpc.github.io/grpc/python/grpc_asyncio.html#grpc.aio.Server.stop",
    ),
    Fact(
        "uvloop",
        ("executor-busy", "executor-outlives-loop"),
        "uvloop waits for the jobs of its default executor without a limit, also where asyncio would give up after "
        "5 minutes: let the jobs look at the stop request.",
        "uvloop/loop.pyx, shutdown_default_executor (0.18 to 0.23 await the jobs before the timeout counts)",
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
        "redis",
        ("non-daemon-thread",),
        "redis: the thread of pubsub.run_in_thread() ends with thread.stop(), or give it daemon=True.",
        "https://redis.readthedocs.io/en/stable/advanced_features.html#publish-subscribe",
    ),
    Fact(
        "aiosqlite",
        ("non-daemon-thread",),
        "aiosqlite: each open connection has a thread, which ends with await connection.close().",
        "https://aiosqlite.omnilib.dev/en/stable/api.html",
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

# ------------------------------------------------------------------ limits


class Rule(Frozen):
    """How long a server lets its own stop take: ``default`` seconds, None for ever, unless ``option`` says otherwise.

    ``unit``: what the option's figure counts, in seconds. Of the environment: ``variable`` may hold the figure,
    ``words`` more of the command line. ``file``: options that name a file which may set it too.
    """

    server: str
    option: str
    default: float | None
    source: str
    unit: float = 1.0
    variable: str = ""
    words: str = ""
    file: tuple[str, ...] = ()


RULES = (
    Rule(
        "gunicorn",
        "--graceful-timeout",
        30.0,
        "https://docs.gunicorn.org/en/stable/settings.html#graceful-timeout",
        words="GUNICORN_CMD_ARGS",
        file=("-c", "--config"),
    ),
    Rule(
        "uvicorn",
        "--timeout-graceful-shutdown",
        None,
        "https://www.uvicorn.org/settings/#timeouts; uvicorn/main.py, auto_envvar_prefix",
        variable="UVICORN_TIMEOUT_GRACEFUL_SHUTDOWN",
    ),
    Rule("hypercorn", "--graceful-timeout", 3.0, "hypercorn/config.py, graceful_timeout", file=("-c", "--config")),
    Rule(
        "granian",
        "--workers-kill-timeout",
        None,
        "https://github.com/emmett-framework/granian#options; granian/cli.py, auto_envvar_prefix",
        variable="GRANIAN_WORKERS_KILL_TIMEOUT",
    ),
    Rule("dramatiq", "--worker-shutdown-timeout", 600.0, "dramatiq/cli.py, --worker-shutdown-timeout", unit=0.001),
    Rule("taskiq", "--wait-tasks-timeout", None, "https://taskiq-python.github.io/guide/cli.html"),
    Rule("celery", "", None, "https://docs.celeryq.dev/en/stable/userguide/workers.html#stopping-the-worker"),
)


class Spared(Frozen):
    """A server whose worker processes must not get the group's signal: ``why``.

    ``alone``: options with values for which it has no such processes; ``variable``: they ignore the signal when it is
    set.
    """

    server: str
    why: str
    source: str
    alone: tuple[tuple[tuple[str, ...], tuple[str, ...]], ...] = ()
    variable: str = ""


SPARED = (
    Spared(
        "celery",
        "those of its pool end at once when they get the signal",
        "billiard/common.py, reset_signals; docs.celeryq.dev, userguide/workers.html, 'Stopping the worker'",
        ((("-P", "--pool"), ("solo", "threads", "eventlet", "gevent")),),
        "REMAP_SIGTERM",
    ),
    Spared(
        "dramatiq",
        "it passes the signal on, and a second one ends them at once",
        "dramatiq/cli.py, worker_process: termhandler",
    ),
    Spared(
        "hypercorn",
        "they have no handler for the signal and die of it",
        "hypercorn/run.py, run: shutdown_event; its processes are spawned",
        ((("-w", "--workers"), ("0",)),),
    ),
)
