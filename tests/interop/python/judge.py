"""What is published in a round trip, and the judge of what came of it."""

import json
import time

# Of a log record: about 1 KiB as published.
PADDING = "x" * 900

# Events in a batch: half of what a message may hold, so that the hub sees many.
BATCH = 500


def batches(count):
    """The batches of a round trip of so many events: the partition key of each, and its bodies.

    Every second one has a key, one of 64, so that each key comes again and again.
    """
    for batch, first in enumerate(range(0, count, BATCH)):
        key = f"key {batch % 64}" if batch % 2 else None
        numbers = range(first, min(first + BATCH, count))
        yield key, [json.dumps({"number": number, "key": key, "padding": PADDING}) for number in numbers]


def check_properties(event_hub, partitions, count):
    """What an event hub and its four partitions say of themselves, once `count` events were published."""
    assert event_hub["eventhub_name"] == "calls" and event_hub["partition_ids"] == ["0", "1", "2", "3"], event_hub
    assert abs(time.time() - event_hub["created_at"].timestamp()) < 3600, event_hub
    assert [partition["id"] for partition in partitions] == event_hub["partition_ids"], partitions
    for partition in partitions:
        assert partition["eventhub_name"] == "calls" and not partition["is_empty"], partition
        assert partition["beginning_sequence_number"] == 0 and int(partition["last_enqueued_offset"]) > 0, partition
        assert abs(time.time() - partition["last_enqueued_time_utc"].timestamp()) < 3600, partition
    assert sum(partition["last_enqueued_sequence_number"] + 1 for partition in partitions) == count, partitions


class Judge:
    """What one consumer group got: each event once, in the order of its partition, and keys kept together."""

    def __init__(self, how, count):
        self.how, self.count = how, count
        self.numbers, self.twice, self.errors = set(), 0, []
        self.last, self.partition_of = {}, {}
        self.started = self.ended = time.monotonic()

    def take(self, partition, events):
        for event in events:
            body = json.loads(event.body_as_str())
            self.twice += body["number"] in self.numbers
            self.numbers.add(body["number"])
            assert event.partition_key == (body["key"].encode() if body["key"] else None), (event.partition_key, body)
            if body["key"]:
                assert self.partition_of.setdefault(body["key"], partition) == partition, f"{body['key']} is split"
            here = (event.sequence_number, int(event.offset), event.enqueued_time)
            sequence_number, offset, enqueued_time = self.last.get(partition, (-1, -1, event.enqueued_time))
            in_order = here[0] == sequence_number + 1 and here[1] > offset and here[2] >= enqueued_time
            assert in_order, f"after {self.last.get(partition)} of partition {partition} came {here}"
            self.last[partition] = here
        self.ended = time.monotonic()

    def fail(self, error):
        self.errors.append(repr(error))

    def verdict(self):
        # Until the last event came: closing takes the client seconds.
        seconds = self.ended - self.started
        print(
            f"{self.how}: {len(self.numbers)} events in {seconds:.1f} s ({len(self.numbers) / seconds:.0f}/s), "
            f"{self.twice} twice, errors {self.errors}",
            flush=True,
        )
        assert len(self.numbers) == self.count and self.twice == 0 and not self.errors
