"""Dramatiq, which acknowledges after the actor has returned; it knows classic queues only."""

import sys

import dramatiq
from dramatiq.brokers.rabbitmq import RabbitmqBroker

from bench import _job
from bench.peers import _psycopg

QUEUE = "bench.dramatiq"

broker = RabbitmqBroker(url=_job.amqp_url())
dramatiq.set_broker(broker)


@dramatiq.actor(queue_name=QUEUE)
def store(**fields: str) -> None:
    _psycopg.store_one(fields)


if __name__ == "__main__":
    for fields in _job.some_fields(int(sys.argv[1])):
        store.send(**fields)
    broker.close()
