// Starts at every kind of position, inclusive and not, and reads what must come first there.

import assert from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";
import { earliestEventPosition, latestEventPosition } from "@azure/event-hubs";

import { consumerIn, mustEnd, pending, send, within } from "./support.js";

/** The first event that a reader gets that starts there; `meanwhile` runs once it is attached. */
async function firstAt(startPosition, meanwhile) {
  const [first, attached] = [pending(), pending()];
  const client = consumerIn();
  const subscription = client.subscribe(
    "0",
    {
      processEvents: async ([event]) => {
        attached.resolve();
        if (event) first.resolve(event);
      },
      processError: async (error) => first.reject(error),
    },
    // Calls back without an event when none comes: then the reader is attached.
    { startPosition, maxBatchSize: 1, maxWaitTimeInSeconds: 1 },
  );
  if (meanwhile) {
    await within("attached", attached.promise);
    await meanwhile();
  }
  const event = await within(JSON.stringify(startPosition), first.promise);
  await subscription.close();
  await client.close();
  return event;
}

async function check(expected, position, meanwhile) {
  const event = await firstAt(position, meanwhile);
  console.log(`${JSON.stringify(position)}: ${event.sequenceNumber}`);
  assert.equal(event.sequenceNumber, expected, JSON.stringify(position));
  return event;
}

await send(20, "early");
const { offset } = await check(9, { sequenceNumber: 9, isInclusive: true });
await Promise.all([
  check(0, earliestEventPosition),
  check(10, { sequenceNumber: 9 }),
  check(10, { offset }),
  check(9, { offset, isInclusive: true }),
  check(0, { enqueuedOn: Date.now() - 3_600_000 }),
  check(20, latestEventPosition, () => send(1, "late")),
]);
// Further apart than the clock's milliseconds.
await sleep(50);
const now = new Date();
await sleep(50);
await send(1, "last");
await check(21, { enqueuedOn: now });
mustEnd();
