"""Publishes N events with and without partition keys, and consumes each exactly once per consumer group: in one go, and
with a checkpoint store by two consumers one after the other."""

import os
import sys
import tempfile
import threading
import time

from azure.eventhub import EventData, EventHubConsumerClient, EventHubProducerClient

from checkpoints import FileCheckpointStore
from judge import Judge, batches, check_properties

CONNECTION_STRING = os.environ["EVENT_HUB_CONNECTION_STRING"]
COUNT = int(sys.argv[1])
PATIENCE_S = 15 + COUNT / 2000


def publish():
    producer = EventHubProducerClient.from_connection_string(CONNECTION_STRING)
    started = time.monotonic()
    with producer:
        for key, bodies in batches(COUNT):
            batch = producer.create_batch(partition_key=key)
            for body in bodies:
                batch.add(EventData(body))
            producer.send_batch(batch)
        seconds = time.monotonic() - started
        print(f"send_batch: {COUNT} events in {seconds:.1f} s ({COUNT / seconds:.0f}/s)", flush=True)
        event_hub = producer.get_eventhub_properties()
        partitions = [producer.get_partition_properties(partition) for partition in event_hub["partition_ids"]]
        check_properties(event_hub, partitions, COUNT)


def consume(judge, count, group, store=None):
    """Consumes until the judge has seen `count` events, then stops."""
    done = threading.Event()

    def on_batch(context, events):
        # What comes after the end is neither taken nor checkpointed: it is the next consumer's.
        if done.is_set():
            return
        judge.take(context.partition_id, events)
        if store:
            context.update_checkpoint()
        if len(judge.numbers) >= count:
            done.set()

    client = EventHubConsumerClient.from_connection_string(
        CONNECTION_STRING, consumer_group=group, checkpoint_store=store
    )
    worker = threading.Thread(
        target=lambda: client.receive_batch(
            on_batch,
            on_error=lambda _context, error: judge.fail(error),
            starting_position="-1",
            max_batch_size=300,
        ),
        daemon=True,
    )
    worker.start()
    done.wait(PATIENCE_S)
    client.close()
    worker.join(10)
    assert not worker.is_alive()


publish()

at_once = Judge("receive_batch", COUNT)
consume(at_once, COUNT, "$Default")
at_once.verdict()

with tempfile.TemporaryDirectory() as folder:
    checkpoints = os.path.join(folder, "checkpoints.json")
    restarted = Judge("receive_batch, restarted from its checkpoints", COUNT)
    consume(restarted, COUNT // 2, "restarted", FileCheckpointStore(checkpoints))
    assert COUNT // 2 <= len(restarted.numbers) < COUNT, len(restarted.numbers)
    consume(restarted, COUNT, "restarted", FileCheckpointStore(checkpoints))
    restarted.verdict()
