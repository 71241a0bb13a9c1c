"""Packages that run other people's programs. Constants alone, loaded by path in the worker, imported by diagnosis."""

# Top-level packages whose console script or `-m` module is started with the program as an argument: their code is
# never the user's own, while that of any other package so started is. A tool that runs a program under itself belongs
# here too; one that is missing here is taken for the user's own code when it was started, and gets the blame.
SERVERS = frozenset(
    {
        "aiohttp", "arq", "celery", "coverage", "daphne", "ddtrace", "debugpy", "django", "dramatiq", "fastapi",
        "fastapi_cli", "faust", "flask", "gevent", "granian", "gunicorn", "huey", "hypercorn", "kopf", "litestar",
        "newrelic", "opentelemetry", "prefect", "pytest", "quart", "robyn", "rq", "sanic", "saq", "streamlit",
        "taskiq", "tornado", "twisted", "uvicorn", "uwsgi", "waitress", "watchfiles", "watchgod",
    }
)  # fmt: skip
