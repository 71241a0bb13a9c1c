"""An async endpoint asks its database through a blocking driver. The loop stands still until the answer comes: the
handler has run, and nobody looks at its flag.

https://github.com/livekit/agents/issues/6724
"""

# RUN: {py} -m uvicorn {name}:app --port {port}
# READY: Uvicorn running
# CLIENT: {py} helpers/get.py {port} /report
# TAKES: 2.9
import psycopg2
from fastapi import FastAPI

app = FastAPI()


@app.get("/report")
async def report():
    connection = psycopg2.connect("postgresql://postgres@127.0.0.1:15432/postgres")
    with connection.cursor() as cursor:
        cursor.execute("select pg_sleep(30)")  # <- here
    return {}
