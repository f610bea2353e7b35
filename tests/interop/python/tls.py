"""Publishes and consumes over TLS, as AMQP and inside a WebSocket. The certificate's authority is trusted, or nothing works."""

import os
import threading

from azure.eventhub import EventData, EventHubConsumerClient, EventHubProducerClient, TransportType
from azure.eventhub.exceptions import EventHubError

CONNECTION_STRING = os.environ["EVENT_HUB_CONNECTION_STRING"]
ENDPOINT = os.environ["EVENT_HUB_ENDPOINT"]
CA_FILE = os.environ["EVENT_HUB_CA_FILE"]
PATIENCE_S = 20
# Together more than a batch, and each more than a frame of AMQP.
COUNT, SIZE = 20, 100_000


def clients(transport, **more):
    options = {
        "conn_str": CONNECTION_STRING,
        "custom_endpoint_address": ENDPOINT,
        "connection_verify": CA_FILE,
        "transport_type": transport,
        "retry_total": 0,
        **more,
    }
    consumer = EventHubConsumerClient.from_connection_string(consumer_group="$Default", **options)
    return EventHubProducerClient.from_connection_string(**options), consumer


def publish_and_consume(transport, name):
    producer, consumer = clients(transport)
    with producer:
        for number in range(COUNT):
            batch = producer.create_batch(partition_id="0")
            batch.add(EventData(f"{name} {number} ".ljust(SIZE, "x")))
            producer.send_batch(batch)

    bodies, errors, done = [], [], threading.Event()

    def on_event(_context, event):
        body = event.body_as_str()
        if body.startswith(name):
            bodies.append(body)
        if len(bodies) == COUNT:
            done.set()

    def on_error(_context, error):
        errors.append(repr(error))
        done.set()

    worker = threading.Thread(
        target=lambda: consumer.receive(on_event, on_error=on_error, partition_id="0", starting_position="-1"),
        daemon=True,
    )
    worker.start()
    done.wait(PATIENCE_S)
    consumer.close()
    worker.join(PATIENCE_S)
    assert not errors and not worker.is_alive(), errors
    assert bodies == [f"{name} {number} ".ljust(SIZE, "x") for number in range(COUNT)], len(bodies)
    print(f"{name}: {COUNT} events of {SIZE} bytes")


def refuse_who_is_not_trusted():
    # Without our authority, what the client brings along decides.
    producer, _ = clients(TransportType.Amqp, connection_verify=None)
    try:
        with producer:
            producer.get_eventhub_properties()
    except EventHubError as error:
        assert "CERTIFICATE_VERIFY_FAILED" in str(error), error
        return
    raise AssertionError("an unknown authority was trusted")


publish_and_consume(TransportType.Amqp, "amqp")
publish_and_consume(TransportType.AmqpOverWebsocket, "websocket")
refuse_who_is_not_trusted()
