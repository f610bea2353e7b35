"""Publishes N events with and without partition keys, and consumes each exactly once, sync and aio."""

import asyncio
import json
import os
import sys
import threading
import time

from azure.eventhub import EventData, EventHubConsumerClient, EventHubProducerClient
from azure.eventhub import aio

CONNECTION_STRING = os.environ["EVENT_HUB_CONNECTION_STRING"]
COUNT = int(sys.argv[1])
PATIENCE_S = 15 + COUNT / 2000


class Seen:
    """Which events came, and which came twice."""

    def __init__(self):
        self.numbers = set()
        self.twice = 0
        self.errors = []

    def take(self, events):
        for event in events:
            number = json.loads(event.body_as_str())["number"]
            assert event.sequence_number is not None and event.offset is not None and event.enqueued_time is not None
            if number in self.numbers:
                self.twice += 1
            self.numbers.add(number)

    def check(self, how, seconds):
        print(f"{how}: {len(self.numbers)} events in {seconds:.1f} s, {self.twice} twice, errors {self.errors}")
        assert len(self.numbers) == COUNT and self.twice == 0 and not self.errors


def publish():
    producer = EventHubProducerClient.from_connection_string(CONNECTION_STRING)
    started = time.monotonic()
    with producer:
        properties = producer.get_eventhub_properties()
        assert properties["eventhub_name"] == "calls" and properties["partition_ids"] == ["0", "1", "2", "3"], properties
        number = batches = 0
        while number < COUNT:
            # Every second batch has a key, each a different one.
            batch = producer.create_batch(partition_key=f"key {batches}" if batches % 2 else None)
            for _ in range(500):
                if number == COUNT:
                    break
                batch.add(EventData(json.dumps({"number": number, "padding": "x" * 900})))
                number += 1
            producer.send_batch(batch)
            batches += 1
        last = [producer.get_partition_properties(partition)["last_enqueued_sequence_number"] for partition in "0123"]
        assert sum(sequence_number + 1 for sequence_number in last) == COUNT, last
    print(f"published {COUNT} events in {batches} batches, {time.monotonic() - started:.1f} s")


def consume():
    seen = Seen()
    done = threading.Event()

    def on_batch(_context, events):
        seen.take(events)
        if len(seen.numbers) >= COUNT:
            done.set()

    client = EventHubConsumerClient.from_connection_string(CONNECTION_STRING, consumer_group="$Default")
    started = time.monotonic()
    worker = threading.Thread(
        target=lambda: client.receive_batch(
            on_batch,
            on_error=lambda _context, error: seen.errors.append(repr(error)),
            starting_position="-1",
            max_batch_size=300,
        ),
        daemon=True,
    )
    worker.start()
    done.wait(PATIENCE_S)
    seen.check("receive_batch", time.monotonic() - started)
    client.close()
    worker.join(10)
    assert not worker.is_alive()


async def consume_asynchronously():
    seen = Seen()
    done = asyncio.Event()

    async def on_batch(_context, events):
        seen.take(events)
        if len(seen.numbers) >= COUNT:
            done.set()

    async def on_error(_context, error):
        seen.errors.append(repr(error))

    client = aio.EventHubConsumerClient.from_connection_string(CONNECTION_STRING, consumer_group="asynchronous")
    started = time.monotonic()
    async with client:
        worker = asyncio.ensure_future(
            client.receive_batch(on_batch, on_error=on_error, starting_position="-1", max_batch_size=300)
        )
        await asyncio.wait_for(done.wait(), PATIENCE_S)
        seen.check("aio receive_batch", time.monotonic() - started)
        worker.cancel()


publish()
consume()
asyncio.run(consume_asynchronously())
