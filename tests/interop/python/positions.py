"""Starts at every kind of position, inclusive and not, and reads what must come first there."""

import datetime
import os
import threading
import time

from azure.eventhub import EventData, EventHubConsumerClient, EventHubProducerClient

CONNECTION_STRING = os.environ["EVENT_HUB_CONNECTION_STRING"]


def send(count, body):
    with EventHubProducerClient.from_connection_string(CONNECTION_STRING) as producer:
        batch = producer.create_batch(partition_id="0")
        for _ in range(count):
            batch.add(EventData(body))
        producer.send_batch(batch)


def first_at(position, inclusive=False, meanwhile=None):
    """The first event that a reader gets that starts there; `meanwhile` runs once it is attached."""
    events, came = [], threading.Event()
    attached = threading.Event()

    def on_event(_context, event):
        attached.set()
        if event is not None:
            events.append(event)
            came.set()

    client = EventHubConsumerClient.from_connection_string(CONNECTION_STRING, consumer_group="positions")
    worker = threading.Thread(
        target=lambda: client.receive(
            on_event,
            partition_id="0",
            starting_position=position,
            starting_position_inclusive=inclusive,
            # Calls back without an event when none comes: then the reader is attached.
            max_wait_time=1,
        ),
        daemon=True,
    )
    worker.start()
    if meanwhile:
        assert attached.wait(10), "not attached"
        meanwhile()
    assert came.wait(10), f"no event from {position!r}"
    client.close()
    worker.join(10)
    return events[0]


def check(expected, position, inclusive=False, meanwhile=None):
    event = first_at(position, inclusive, meanwhile)
    print(f"{position!r} inclusive={inclusive}: {event.sequence_number}")
    assert event.sequence_number == expected, (position, inclusive, event.sequence_number, expected)
    return event


send(20, "early")
check(0, "-1")
offset = check(10, 9).offset
check(9, 9, inclusive=True)
check(11, offset)
check(10, offset, inclusive=True)
check(0, datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(hours=1))
check(20, "@latest", meanwhile=lambda: send(1, "late"))
time.sleep(0.05)
now = datetime.datetime.now(datetime.timezone.utc)
time.sleep(0.05)
send(1, "last")
check(21, now)
