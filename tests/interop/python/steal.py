"""Two consumers with the same owner level on one partition: the first is told, the second reads; with both clients."""

import asyncio
import os
import threading

from azure.eventhub import EventData, EventHubConsumerClient, EventHubProducerClient, aio

CONNECTION_STRING = os.environ["EVENT_HUB_CONNECTION_STRING"]
PATIENCE_S = 10
READ = {"partition_id": "0", "owner_level": 1, "starting_position": "-1"}
# Without retries, or the first would steal the partition back.
NO_RETRIES = {"retry_total": 0}


def judge(client, error):
    print(f"{client}: the first was told: {type(error).__name__}: {str(error)[:80]}..", flush=True)
    assert "with higher epoch of '1'" in str(error) and "amqp:link:stolen" in str(error), error


class Consumer:
    def __init__(self):
        self.came, self.failed, self.error = threading.Event(), threading.Event(), None
        self.client = EventHubConsumerClient.from_connection_string(CONNECTION_STRING, "sync", **NO_RETRIES)
        threading.Thread(target=self.run, daemon=True).start()

    def run(self):
        self.client.receive(lambda _context, _event: self.came.set(), on_error=self.on_error, **READ)

    def on_error(self, _context, error):
        self.error = error
        self.failed.set()


class AsyncConsumer:
    def __init__(self):
        self.came, self.failed, self.error = asyncio.Event(), asyncio.Event(), None
        self.client = aio.EventHubConsumerClient.from_connection_string(CONNECTION_STRING, "aio", **NO_RETRIES)
        self.worker = asyncio.ensure_future(self.client.receive_batch(self.on_batch, on_error=self.on_error, **READ))

    async def on_batch(self, _context, _events):
        self.came.set()

    async def on_error(self, _context, error):
        self.error = error
        self.failed.set()


def steal():
    first = Consumer()
    assert first.came.wait(PATIENCE_S), "the first reads nothing"
    second = Consumer()
    assert second.came.wait(PATIENCE_S), "the second reads nothing"
    assert first.failed.wait(PATIENCE_S), "the first is not told"
    judge("sync", first.error)


async def steal_asynchronously():
    first = AsyncConsumer()
    await asyncio.wait_for(first.came.wait(), PATIENCE_S)
    second = AsyncConsumer()
    await asyncio.wait_for(second.came.wait(), PATIENCE_S)
    await asyncio.wait_for(first.failed.wait(), PATIENCE_S)
    judge("aio", first.error)


with EventHubProducerClient.from_connection_string(CONNECTION_STRING) as producer:
    batch = producer.create_batch(partition_id="0")
    batch.add(EventData("one"))
    producer.send_batch(batch)
steal()
asyncio.run(asyncio.wait_for(steal_asynchronously(), 4 * PATIENCE_S))
# The consumers are still at work: that they end well is the round trip's matter.
os._exit(0)
