// What the scripts share: where the hub is, waiting with an end, and reading one partition from a position.

import assert from "node:assert/strict";
import { randomUUID, webcrypto } from "node:crypto";
import { EventHubConsumerClient, EventHubProducerClient } from "@azure/event-hubs";

// The client takes it for granted, and Node 18, which Debian 12 has, does not have it.
globalThis.crypto ??= webcrypto;

export const connectionString = process.env.EVENT_HUB_CONNECTION_STRING;
assert(connectionString, "EVENT_HUB_CONNECTION_STRING is not set");

// Far longer than anything here takes, far shorter than a person waits.
export const PATIENCE_MS = 20_000;

/** Waits for a promise, but not for ever. */
export async function within(what, promise, patience = PATIENCE_MS) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${what}: not within ${patience} ms`)), patience);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** A promise, and what settles it. */
export function pending() {
  let settle;
  const promise = new Promise((resolve, reject) => (settle = { resolve, reject }));
  return { promise, ...settle };
}

/** Fails if something keeps the process alive from here on: the client still waits for an answer of the hub. */
export function mustEnd() {
  const fail = () => {
    console.error("the process does not end by itself");
    process.exit(1);
  };
  setTimeout(fail, PATIENCE_MS).unref();
}

/** A client for reading, in a consumer group of its own unless one is named: five at most read side by side in one. */
export function consumerIn(group = randomUUID(), ...more) {
  return new EventHubConsumerClient(group, connectionString, ...more);
}

/** Sends events to partition 0. */
export async function send(count, body) {
  const producer = new EventHubProducerClient(connectionString);
  await producer.sendBatch(Array(count).fill({ body }), { partitionId: "0" });
  await producer.close();
}
