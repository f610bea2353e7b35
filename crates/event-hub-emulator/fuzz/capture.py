#!/usr/bin/env python3
"""Makes seeds of what a client sends: relays between it and the emulator, and keeps the client's half.

    fuzz/capture.py PORT HUB_PORT NAME      until interrupted

Each connection becomes `seeds/connection/NAME-N`, up to a limit. The first frame of each kind, and the first small
messages, become `seeds/codec/NAME-...`.
"""

import pathlib
import socket
import sys
import threading

SEEDS = pathlib.Path(__file__).parent / "seeds"
# Enough for every kind of frame, little enough for the repository and for the fuzzer's speed.
LENGTH_MAX = 6 * 1024
# What `fuzz::connection` reads first: the size of the chunks.
CHUNK_SIZE = (512).to_bytes(2)

PORT, HUB_PORT, NAME = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
kinds = set()


def pump(source, sink, kept):
    try:
        while data := source.recv(65536):
            if len(kept) < LENGTH_MAX:
                kept += data
            sink.sendall(data)
        sink.shutdown(socket.SHUT_WR)
    except OSError:
        pass  # clients reset their connections


def converse(client, number):
    hub = socket.create_connection(("127.0.0.1", HUB_PORT))
    sent = bytearray()
    answers = threading.Thread(target=pump, args=(hub, client, bytearray()))
    answers.start()
    pump(client, hub, sent)
    answers.join()
    write("connection", str(number), CHUNK_SIZE + sent[:LENGTH_MAX])
    split(sent[:LENGTH_MAX])


def split(sent):
    while len(sent) >= 8:
        if sent.startswith(b"AMQP"):
            sent = sent[8:]
            continue
        size = int.from_bytes(sent[:4])
        frame, sent = sent[:size], sent[size:]
        if len(frame) < size or size < 12 or size > 2048:
            continue
        kind = f"{frame[10]:02x}"  # a small descriptor, as all clients write it
        if kind not in kinds:
            kinds.add(kind)
            write("codec", f"frame-{kind}", frame)
            write("codec", f"value-{kind}", frame[8:])
        message = frame.find(b"\x00\x53", 12)
        if kind == "14" and message > 0:
            kind = f"message-{frame[message + 2]:02x}"
            if kind not in kinds:
                kinds.add(kind)
                write("codec", kind, frame[message:])


def write(target, name, data):
    folder = SEEDS / target
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{NAME}-{name}").write_bytes(data)


listener = socket.create_server(("127.0.0.1", PORT))
count = 0
while True:
    accepted, _ = listener.accept()
    count += 1
    threading.Thread(target=converse, args=(accepted, count)).start()
