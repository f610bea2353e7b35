"""Reads and writes leases and checkpoints in Blob Storage as Microsoft's own store does; and consumes by them.

    list                        prints the owners and checkpoints of all partitions
    list-when-told              prints the same at each SIGUSR1
    consume                     consumes with checkpoints until it is told to stop, and prints each event
    own PARTITION               holds a lease in the name of another program until it is told to stop
    write-unfolded PARTITION N  writes a checkpoint at sequence number N under names as a program leaves them that does not
                                fold them
"""

import json
import os
import signal
import sys
import threading

from azure.eventhub import EventHubConsumerClient
from azure.eventhub.extensions.checkpointstoreblob import BlobCheckpointStore
from azure.eventhub.extensions.checkpointstoreblob._vendor.storage.blob import ContainerClient

CONNECTION_STRING = os.environ["EVENT_HUB_CONNECTION_STRING"]
STORAGE = os.environ["STORAGE_CONNECTION_STRING"]
CONTAINER = "leases"
PARTS = dict(part.split("=", 1) for part in CONNECTION_STRING.split(";") if part)
NAMESPACE = PARTS["Endpoint"].removeprefix("sb://").strip("/")
EVENT_HUB, GROUP = PARTS["EntityPath"], "$Default"


def store():
    return BlobCheckpointStore.from_connection_string(STORAGE, CONTAINER)


def list_all():
    print(json.dumps(listed(store())), flush=True)


def list_when_told():
    # Connected already, so that it takes no time later.
    kept = store()
    listed(kept)
    signal.signal(signal.SIGUSR1, lambda *_: print("listed: " + json.dumps(listed(kept)), flush=True))
    print("ready", flush=True)
    told_to_stop().wait()


def listed(store):
    """Checkpoints first: those that somebody wrote who had the partition before are told by who has it afterwards."""
    group = (NAMESPACE, EVENT_HUB, GROUP)
    checkpoints = {
        entry["partition_id"]: (entry["offset"], int(entry["sequence_number"]))
        for entry in store.list_checkpoints(*group)
    }
    owners = {entry["partition_id"]: entry["owner_id"] for entry in store.list_ownership(*group)}
    return {"owners": owners, "checkpoints": checkpoints}


def consume():
    client = EventHubConsumerClient.from_connection_string(
        CONNECTION_STRING, GROUP, checkpoint_store=store(), load_balancing_interval=1
    )

    def on_event(context, event):
        told = {"partition": context.partition_id, "sequence_number": event.sequence_number}
        print(json.dumps(told), flush=True)
        context.update_checkpoint(event)

    worker = threading.Thread(target=lambda: client.receive(on_event, starting_position="-1"), daemon=True)
    worker.start()
    told_to_stop().wait()
    client.close()
    worker.join(10)


def own(partition):
    ensure_container()
    ownership = {
        "fully_qualified_namespace": NAMESPACE,
        "eventhub_name": EVENT_HUB,
        "consumer_group": GROUP,
        "partition_id": partition,
        "owner_id": "4f9c0000-0000-4000-8000-000000000000",
    }
    stop = told_to_stop()
    while not stop.is_set():
        claimed = store().claim_ownership([ownership])
        assert claimed, "not claimed"
        ownership = claimed[0]
        print("held", flush=True)
        stop.wait(1)


def write_unfolded(partition, number):
    container = ensure_container()
    name = f"{NAMESPACE}/{EVENT_HUB}/{GROUP}/checkpoint/{partition}"
    container.upload_blob(name, b"", metadata={"sequencenumber": number, "offset": ""}, overwrite=True)


def told_to_stop():
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    return stop


def ensure_container():
    container = ContainerClient.from_connection_string(STORAGE, CONTAINER)
    if not container.exists():
        container.create_container()
    return container


COMMANDS = {
    "list": list_all,
    "list-when-told": list_when_told,
    "consume": consume,
    "own": own,
    "write-unfolded": write_unfolded,
}
COMMANDS[sys.argv[1]](*sys.argv[2:])
