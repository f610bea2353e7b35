// A checkpoint store in a file, by the client's `CheckpointStore` interface; so that a consumer can be restarted.

import { randomUUID } from "node:crypto";
import { existsSync, readFileSync, renameSync, writeFileSync } from "node:fs";

/** Keeps everything in one file, written anew at each change. One process at a time. */
export class FileCheckpointStore {
  constructor(path) {
    this.path = path;
    this.state = existsSync(path) ? JSON.parse(readFileSync(path, "utf8")) : { ownerships: {}, checkpoints: {} };
  }

  async listOwnership(...group) {
    return this.#of(group, "ownerships");
  }

  async listCheckpoints(...group) {
    return this.#of(group, "checkpoints");
  }

  async claimOwnership(ownerships) {
    const claimed = ownerships
      .filter((ownership) => {
        const held = this.state.ownerships[key(ownership)];
        return !held || held.etag === ownership.etag;
      })
      .map((ownership) => ({ ...ownership, etag: randomUUID(), lastModifiedTimeInMs: Date.now() }));
    for (const ownership of claimed) this.state.ownerships[key(ownership)] = ownership;
    this.#write();
    return claimed;
  }

  async updateCheckpoint(checkpoint) {
    const { fullyQualifiedNamespace, eventHubName, consumerGroup, partitionId, sequenceNumber, offset } = checkpoint;
    this.state.checkpoints[key(checkpoint)] = {
      fullyQualifiedNamespace,
      eventHubName,
      consumerGroup,
      partitionId,
      sequenceNumber,
      offset,
    };
    this.#write();
  }

  #of([fullyQualifiedNamespace, eventHubName, consumerGroup], kind) {
    const isOfGroup = (entry) =>
      entry.fullyQualifiedNamespace === fullyQualifiedNamespace &&
      entry.eventHubName === eventHubName &&
      entry.consumerGroup === consumerGroup;
    return Object.values(this.state[kind]).filter(isOfGroup).map((entry) => ({ ...entry }));
  }

  #write() {
    writeFileSync(`${this.path}.new`, JSON.stringify(this.state));
    renameSync(`${this.path}.new`, this.path);
  }
}

function key(entry) {
  return [entry.fullyQualifiedNamespace, entry.eventHubName, entry.consumerGroup, entry.partitionId].join("/");
}
