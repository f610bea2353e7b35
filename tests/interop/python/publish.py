"""Publishes the lines of a file as events, with Microsoft's own client for Python."""

import argparse
import os

from azure.eventhub import EventData, EventHubProducerClient


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--bodies", required=True, help="a file with one body on each line")
    parser.add_argument("--times", type=int, default=1, help="how often each line is published")
    parser.add_argument("--each-partition", action="store_true", help="publish to every partition")
    arguments = parser.parse_args()
    with open(arguments.bodies, encoding="utf-8") as file:
        bodies = [line.rstrip("\n") for line in file]

    producer = EventHubProducerClient.from_connection_string(os.environ["EVENT_HUB_CONNECTION_STRING"])
    published = 0
    with producer:
        partitions = producer.get_partition_ids() if arguments.each_partition else [None]
        for partition in partitions:
            for _ in range(arguments.times):
                # A batch for each round, so that the rounds spread over the partitions.
                batch = producer.create_batch(partition_id=partition)
                for body in bodies:
                    batch.add(EventData(body))
                producer.send_batch(batch)
                published += len(bodies)
    print(f"published {published}")


if __name__ == "__main__":
    main()
