"""The work, as a Celery application."""

import os
import time

from celery import Celery

REDIS_URL = os.environ["REDIS_URL"]

app = Celery("tasks", broker=REDIS_URL, backend=REDIS_URL)
# A task whose worker is killed runs again, as Windlass promises it.
app.conf.task_acks_late = True


@app.task
def echo(message, sleep=0):
    if sleep:
        time.sleep(sleep)
    return {"message": message}
