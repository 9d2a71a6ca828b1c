"""Celery with late acknowledgement on a quorum queue; no results, no events."""

import sys

from celery import Celery

from bench import _job
from bench.peers import _psycopg

QUEUE = "bench.celery"

app = Celery("bench", broker=_job.amqp_url())
app.conf.update(
    task_default_queue=QUEUE,
    task_default_queue_type="quorum",
    task_default_exchange_type="topic",
    task_acks_late=True,
    task_reject_on_worker_lost=True,
    task_ignore_result=True,
    task_store_errors_even_if_ignored=False,
    worker_send_task_events=False,
    worker_enable_remote_control=False,
    worker_hijack_root_logger=True,
    broker_transport_options={"confirm_publish": True},
    broker_connection_retry_on_startup=True,
)


@app.task(name="bench.store")
def store(**fields: str) -> None:
    _psycopg.store_one(fields)


if __name__ == "__main__":
    with app.pool.acquire(block=True) as connection, app.amqp.Producer(connection) as producer:
        for fields in _job.some_fields(int(sys.argv[1])):
            store.apply_async(kwargs=fields, producer=producer)
