"""The API in front of the work."""

from celery.result import AsyncResult
from fastapi import FastAPI
from pydantic import BaseModel

from tasks import app as celery
from tasks import echo

app = FastAPI()


class EchoInput(BaseModel):
    message: str
    sleep: float = 0


class Task(BaseModel):
    id: str
    state: str
    result: dict | None = None


@app.get("/healthz")
def healthz():
    return {"status": "ok"}


@app.post("/tasks", status_code=202)
def submit(data: EchoInput) -> Task:
    task = echo.delay(data.message, data.sleep)
    return Task(id=task.id, state="PENDING")


@app.post("/tasks/wait")
def submit_and_wait(data: EchoInput) -> Task:
    task = echo.delay(data.message, data.sleep)
    return Task(id=task.id, result=task.get(timeout=50), state="SUCCESS")


@app.get("/tasks/{task_id}")
def read(task_id: str) -> Task:
    task = AsyncResult(task_id, app=celery)
    return Task(id=task_id, state=task.state, result=task.result if task.successful() else None)
