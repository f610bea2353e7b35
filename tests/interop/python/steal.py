"""Two consumers with the same owner level on one partition: the first is told, the second reads."""

import os
import threading

from azure.eventhub import EventData, EventHubConsumerClient, EventHubProducerClient

CONNECTION_STRING = os.environ["EVENT_HUB_CONNECTION_STRING"]

with EventHubProducerClient.from_connection_string(CONNECTION_STRING) as producer:
    batch = producer.create_batch(partition_id="0")
    batch.add(EventData("one"))
    producer.send_batch(batch)


class Consumer:
    def __init__(self):
        self.came, self.failed, self.error = threading.Event(), threading.Event(), None
        # Without retries, or the first would steal the partition back.
        self.client = EventHubConsumerClient.from_connection_string(
            CONNECTION_STRING, consumer_group="$Default", retry_total=0
        )
        threading.Thread(target=self.run, daemon=True).start()

    def run(self):
        self.client.receive(
            lambda _context, _event: self.came.set(),
            on_error=self.on_error,
            partition_id="0",
            owner_level=1,
            starting_position="-1",
        )

    def on_error(self, _context, error):
        self.error = error
        self.failed.set()


first = Consumer()
assert first.came.wait(10), "the first reads nothing"
second = Consumer()
assert second.came.wait(10), "the second reads nothing"
assert first.failed.wait(10), "the first is not told"
print(f"the first was told: {first.error!r}")
assert "amqp:link:stolen" in str(first.error) or "epoch" in str(first.error), first.error
os._exit(0)
