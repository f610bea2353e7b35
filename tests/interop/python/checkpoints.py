"""A checkpoint store in a file, as the client documents what a store must do; so that a consumer can be restarted."""

import json
import os
import threading
import time
import uuid

from azure.eventhub import CheckpointStore, aio

KEY = ("fully_qualified_namespace", "eventhub_name", "consumer_group", "partition_id")


class FileCheckpointStore(CheckpointStore):
    """Keeps everything in one file, written anew at each change. One process at a time."""

    def __init__(self, path):
        self.path, self.lock = path, threading.Lock()
        self.state = {"ownerships": {}, "checkpoints": {}}
        if os.path.exists(path):
            with open(path, encoding="utf-8") as file:
                self.state = json.load(file)

    def list_ownership(self, *group, **_):
        return self._of(group, "ownerships")

    def list_checkpoints(self, *group, **_):
        return self._of(group, "checkpoints")

    def claim_ownership(self, ownership_list, **_):
        claimed = []
        with self.lock:
            for ownership in ownership_list:
                held = self.state["ownerships"].get(key(ownership))
                if held is None or held["etag"] == ownership.get("etag"):
                    ownership = {**ownership, "etag": str(uuid.uuid4()), "last_modified_time": time.time()}
                    self.state["ownerships"][key(ownership)] = ownership
                    claimed.append(dict(ownership))
            self._write()
        return claimed

    def update_checkpoint(self, checkpoint, **_):
        with self.lock:
            self.state["checkpoints"][key(checkpoint)] = checkpoint
            self._write()

    def _of(self, group, kind):
        with self.lock:
            entries = self.state[kind].values()
            return [dict(entry) for entry in entries if tuple(entry[name] for name in KEY[:3]) == group]

    def _write(self):
        with open(self.path + ".new", "w", encoding="utf-8") as file:
            json.dump(self.state, file)
        os.replace(self.path + ".new", self.path)


class AsyncFileCheckpointStore(aio.CheckpointStore):
    """The same for the asynchronous client. It blocks while it writes, which is a few kilobytes."""

    def __init__(self, path):
        self.store = FileCheckpointStore(path)

    async def list_ownership(self, *group, **_):
        return self.store.list_ownership(*group)

    async def list_checkpoints(self, *group, **_):
        return self.store.list_checkpoints(*group)

    async def claim_ownership(self, ownership_list, **_):
        return self.store.claim_ownership(ownership_list)

    async def update_checkpoint(self, checkpoint, **_):
        self.store.update_checkpoint(checkpoint)


def key(entry):
    return "/".join(entry[name] for name in KEY)
