"""Starts at every kind of position, inclusive and not, and reads what must come first there; with both clients."""

import asyncio
import concurrent.futures
import datetime
import os
import threading
import time
import uuid

from azure.eventhub import EventData, EventHubConsumerClient, EventHubProducerClient, aio

CONNECTION_STRING = os.environ["EVENT_HUB_CONNECTION_STRING"]
PATIENCE_S = 10


def send(count, body):
    with EventHubProducerClient.from_connection_string(CONNECTION_STRING) as producer:
        batch = producer.create_batch(partition_id="0")
        for _ in range(count):
            batch.add(EventData(body))
        producer.send_batch(batch)


def group():
    """A consumer group of its own: only five may read a partition side by side in one."""
    return str(uuid.uuid4())


def start_at(position, inclusive):
    return {
        "partition_id": "0",
        "starting_position": position,
        "starting_position_inclusive": inclusive,
        # Calls back without an event when none comes: then the reader is attached.
        "max_wait_time": 1,
    }


def first_at(position, inclusive, meanwhile):
    """The first event that a reader gets that starts there; `meanwhile` runs once it is attached."""
    events, came, attached = [], threading.Event(), threading.Event()

    def on_event(_context, event):
        attached.set()
        if event is not None:
            events.append(event)
            came.set()

    client = EventHubConsumerClient.from_connection_string(CONNECTION_STRING, consumer_group=group())
    worker = threading.Thread(target=lambda: client.receive(on_event, **start_at(position, inclusive)), daemon=True)
    worker.start()
    if meanwhile:
        assert attached.wait(PATIENCE_S), "not attached"
        meanwhile()
    assert came.wait(PATIENCE_S), f"no event from {position!r}"
    client.close()
    worker.join(PATIENCE_S)
    return events[0]


async def first_in_batch_at(position, inclusive, meanwhile):
    """The same with the asynchronous client, and in batches."""
    events, came, attached = [], asyncio.Event(), asyncio.Event()

    async def on_batch(_context, batch):
        attached.set()
        events.extend(batch)
        if batch:
            came.set()

    async with aio.EventHubConsumerClient.from_connection_string(CONNECTION_STRING, group()) as client:
        worker = asyncio.ensure_future(client.receive_batch(on_batch, **start_at(position, inclusive)))
        if meanwhile:
            await asyncio.wait_for(attached.wait(), PATIENCE_S)
            await asyncio.to_thread(meanwhile)
        await asyncio.wait_for(came.wait(), PATIENCE_S)
        worker.cancel()
    return events[0]


def check(name, first, expected, position, inclusive=False, meanwhile=None):
    event = first(position, inclusive, meanwhile)
    print(f"{name} {position!r} inclusive={inclusive}: {event.sequence_number}", flush=True)
    assert event.sequence_number == expected, (name, position, inclusive, event.sequence_number, expected)
    return event


READERS = {
    "receive": first_at,
    "aio receive_batch": lambda *start: asyncio.run(first_in_batch_at(*start)),
}


def check_all(starts):
    """Checks all starts side by side, with each client: it takes one a second to start and to close."""
    with concurrent.futures.ThreadPoolExecutor(max_workers=16) as pool:
        checks = [pool.submit(check, *reader, *start) for reader in READERS.items() for start in starts]
        return [done.result() for done in checks]


send(20, "early")
offset = check("receive", first_at, 9, 9, inclusive=True).offset
long_ago = datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(hours=1)
check_all([(0, "-1"), (10, 9), (9, 9, True), (10, offset), (9, offset, True), (0, long_ago)])
for last, reader in enumerate(READERS.items(), start=20):
    check(*reader, last, "@latest", meanwhile=lambda: send(1, "late"))
# Further apart than the clock's milliseconds.
time.sleep(0.05)
now = datetime.datetime.now(datetime.timezone.utc)
time.sleep(0.05)
send(1, "last")
check_all([(22, now)])
