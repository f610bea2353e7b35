// Two consumers with the same owner level on one partition: the first is told, the second reads. So does one with a
// higher level, and one with a lower is refused.

import assert from "node:assert/strict";
import { earliestEventPosition } from "@azure/event-hubs";

import { consumerIn, mustEnd, pending, send, within } from "./support.js";

const clients = [];

/** A consumer with an owner level: `came` settles with its first events, `failed` with the error that it is told. */
function consumer(ownerLevel) {
  const [came, failed] = [pending(), pending()];
  // Without retries, or it would steal the partition back.
  const client = consumerIn("$Default", { retryOptions: { maxRetries: 0 } });
  const subscription = client.subscribe(
    "0",
    {
      processEvents: async () => came.resolve(),
      processError: async (error) => {
        failed.resolve(error);
        // The client would start anew.
        await subscription.close();
      },
    },
    { ownerLevel, startPosition: earliestEventPosition, maxWaitTimeInSeconds: 1 },
  );
  clients.push(client);
  return { came: came.promise, failed: failed.promise };
}

async function checkTold(who, { failed }, text) {
  const error = await within(who, failed);
  console.log(`${who}: ${error.code}: ${error.message.slice(0, 80)}..`);
  // This is what the client makes of `amqp:link:stolen`, and of nothing else.
  assert.equal(error.code, "ReceiverDisconnectedError");
  assert(error.message.includes(text), error.message);
}

await send(1, "one");
const first = consumer(1);
await within("the first reads", first.came);
const second = consumer(1);
await within("the second reads", second.came);
await checkTold("the first, by an equal level", first, "with higher epoch of '1'");
const third = consumer(2);
await within("the third reads", third.came);
await checkTold("the second, by a higher level", second, "with higher epoch of '2'");
await checkTold("a lower level", consumer(1), "with a higher epoch '2' already exists");
await Promise.all(clients.map((client) => client.close()));
mustEnd();
