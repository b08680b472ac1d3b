"""A queue of tasks in a folder, and a worker's task that asks a database."""

import contextlib
import os
import sqlite3
from pathlib import Path

from celery import Celery

FOLDER = Path(os.environ["QUEUE_FOLDER"])
for name in ("queue", "control"):
    (FOLDER / name).mkdir(exist_ok=True)

app = Celery("tasks", broker="filesystem://")
app.conf.broker_transport_options = {
    "data_folder_in": str(FOLDER / "queue"),
    "data_folder_out": str(FOLDER / "queue"),
    "control_folder": str(FOLDER / "control"),
}


@app.task  # type: ignore[untyped-decorator]  # celery has no types
def pay(number: int) -> None:
    """Pay an order."""
    with contextlib.closing(sqlite3.connect(":memory:")) as plain:
        plain.cursor().execute("SELECT 2")
    (FOLDER / f"paid-{number}-{os.getpid()}").touch()
