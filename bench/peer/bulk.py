"""Hands in many tasks by Celery's group: bulk.py COUNT SIZE. Prints how many seconds it took."""

import sys
import time

from celery import group

from tasks import echo

count, size = int(sys.argv[1]), int(sys.argv[2])

start = time.perf_counter()
while count > 0:
    group(echo.s("hello") for _ in range(min(size, count))).apply_async()
    count -= size
print(time.perf_counter() - start)
