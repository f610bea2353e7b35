// Publishes N events with and without partition keys, and consumes each exactly once per consumer group: in one go, and
// with a checkpoint store by two consumers one after the other.

import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { EventHubProducerClient, earliestEventPosition } from "@azure/event-hubs";

import { FileCheckpointStore } from "./checkpoints.js";
import { Judge } from "./judge.js";
import { PATIENCE_MS, connectionString, consumerIn, mustEnd, pending, within } from "./support.js";

const COUNT = Number(process.argv[2]);
const PARTITIONS = ["0", "1", "2", "3"];
const BATCH = 100;
const PADDING = "x".repeat(900);

async function publish() {
  const producer = new EventHubProducerClient(connectionString);
  const started = Date.now();
  for (let number = 0, batches = 0; number < COUNT; batches++) {
    // Every second batch has a key, one of 64, so that each key comes again and again.
    const key = batches % 2 ? `key ${batches % 64}` : null;
    const batch = await producer.createBatch(key ? { partitionKey: key } : {});
    for (; batch.count < BATCH && number < COUNT; number++) {
      assert(batch.tryAdd({ body: { number, key, padding: PADDING } }), "the batch has room");
    }
    await producer.sendBatch(batch);
  }
  const seconds = (Date.now() - started) / 1000;
  console.log(`sendBatch: ${COUNT} events in ${seconds.toFixed(1)} s (${Math.round(COUNT / seconds)}/s)`);
  await checkProperties(producer);
  await producer.close();
}

async function checkProperties(producer) {
  const isRecent = (time) => Math.abs(Date.now() - time) < 3_600_000;
  const eventHub = await producer.getEventHubProperties();
  assert.deepEqual([eventHub.name, eventHub.partitionIds], ["calls", PARTITIONS]);
  assert(isRecent(eventHub.createdOn), eventHub.createdOn);
  let published = 0;
  for (const id of PARTITIONS) {
    const partition = await producer.getPartitionProperties(id);
    const { eventHubName, partitionId, beginningSequenceNumber, isEmpty, lastEnqueuedOnUtc } = partition;
    assert.deepEqual([eventHubName, partitionId, beginningSequenceNumber, isEmpty], ["calls", id, 0, false]);
    assert(Number(partition.lastEnqueuedOffset) > 0 && isRecent(lastEnqueuedOnUtc), JSON.stringify(partition));
    published += partition.lastEnqueuedSequenceNumber + 1;
  }
  assert.equal(published, COUNT);
}

/** Consumes until the judge has seen `count` events, then stops. */
async function consume(judge, count, group, ...store) {
  const done = pending();
  let isDone = false;
  // By default it would take over one partition each ten seconds.
  const client = consumerIn(group, ...store, { loadBalancingOptions: { strategy: "greedy" } });
  const subscription = client.subscribe(
    {
      processEvents: async (events, context) => {
        // What comes after the end is neither taken nor checkpointed: it is the next consumer's.
        if (isDone || events.length === 0) return;
        try {
          judge.take(context.partitionId, events);
        } catch (error) {
          done.reject(error);
        }
        isDone = judge.numbers.size >= count;
        if (store.length > 0) await context.updateCheckpoint(events.at(-1));
        if (isDone) done.resolve();
      },
      processError: async (error) => judge.fail(error),
    },
    // The client forgets a timer of this length when it is closed, which keeps the process alive.
    { startPosition: earliestEventPosition, maxBatchSize: 300, maxWaitTimeInSeconds: 1 },
  );
  await within(judge.how, done.promise, PATIENCE_MS + COUNT).catch((error) => judge.fail(error));
  await subscription.close();
  await client.close();
}

await publish();

const atOnce = new Judge("subscribe", COUNT);
await consume(atOnce, COUNT, "$Default");
atOnce.verdict();

const folder = mkdtempSync(join(tmpdir(), "checkpoints-"));
try {
  const path = join(folder, "checkpoints.json");
  const restarted = new Judge("subscribe, restarted from its checkpoints", COUNT);
  await consume(restarted, COUNT / 2, "restarted", new FileCheckpointStore(path));
  assert(restarted.numbers.size >= COUNT / 2 && restarted.numbers.size < COUNT, `${restarted.numbers.size}`);
  await consume(restarted, COUNT, "restarted", new FileCheckpointStore(path));
  restarted.verdict();
} finally {
  rmSync(folder, { recursive: true });
}
mustEnd();
