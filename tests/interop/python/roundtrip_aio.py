"""The round trip with the asynchronous client."""

import asyncio
import os
import sys
import tempfile
import time

from azure.eventhub import EventData
from azure.eventhub.aio import EventHubConsumerClient, EventHubProducerClient

from checkpoints import AsyncFileCheckpointStore
from judge import Judge, batches, check_properties

CONNECTION_STRING = os.environ["EVENT_HUB_CONNECTION_STRING"]
COUNT = int(sys.argv[1])
PATIENCE_S = 15 + COUNT / 2000


async def publish():
    started = time.monotonic()
    async with EventHubProducerClient.from_connection_string(CONNECTION_STRING) as producer:
        for key, bodies in batches(COUNT):
            batch = await producer.create_batch(partition_key=key)
            for body in bodies:
                batch.add(EventData(body))
            await producer.send_batch(batch)
        seconds = time.monotonic() - started
        print(f"aio send_batch: {COUNT} events in {seconds:.1f} s ({COUNT / seconds:.0f}/s)", flush=True)
        event_hub = await producer.get_eventhub_properties()
        partitions = [await producer.get_partition_properties(partition) for partition in event_hub["partition_ids"]]
        check_properties(event_hub, partitions, COUNT)


async def consume(judge, count, group, store=None):
    """Consumes until the judge has seen `count` events, then stops."""
    done = asyncio.Event()

    async def on_batch(context, events):
        # What comes after the end is neither taken nor checkpointed: it is the next consumer's.
        if done.is_set():
            return
        judge.take(context.partition_id, events)
        if store:
            await context.update_checkpoint()
        if len(judge.numbers) >= count:
            done.set()

    async def on_error(_context, error):
        judge.fail(error)

    client = EventHubConsumerClient.from_connection_string(
        CONNECTION_STRING, consumer_group=group, checkpoint_store=store
    )
    async with client:
        worker = asyncio.ensure_future(
            client.receive_batch(on_batch, on_error=on_error, starting_position="-1", max_batch_size=300)
        )
        try:
            await asyncio.wait_for(done.wait(), PATIENCE_S)
        except asyncio.TimeoutError:
            pass  # The verdict says what is missing.
    # Closing has stopped the readers and given up their partitions; what is left sleeps until it would balance again.
    worker.cancel()


async def main():
    await publish()

    at_once = Judge("aio receive_batch", COUNT)
    await consume(at_once, COUNT, "$Default")
    at_once.verdict()

    with tempfile.TemporaryDirectory() as folder:
        checkpoints = os.path.join(folder, "checkpoints.json")
        restarted = Judge("aio receive_batch, restarted from its checkpoints", COUNT)
        await consume(restarted, COUNT // 2, "restarted", AsyncFileCheckpointStore(checkpoints))
        assert COUNT // 2 <= len(restarted.numbers) < COUNT, len(restarted.numbers)
        await consume(restarted, COUNT, "restarted", AsyncFileCheckpointStore(checkpoints))
        restarted.verdict()


asyncio.run(main())
