// The judge of a round trip.

import assert from "node:assert/strict";

/** What one consumer group got: each event once, in the order of its partition, and keys kept together. */
export class Judge {
  numbers = new Set();
  twice = 0;
  errors = [];
  #last = new Map();
  #partitionOf = new Map();
  #started = Date.now();

  constructor(how, count) {
    this.how = how;
    this.count = count;
  }

  take(partition, events) {
    for (const { body, partitionKey, sequenceNumber, offset, enqueuedTimeUtc } of events) {
      this.twice += this.numbers.has(body.number);
      this.numbers.add(body.number);
      assert.equal(partitionKey ?? null, body.key);
      if (body.key) {
        const known = this.#partitionOf.get(body.key) ?? partition;
        assert.equal(partition, known, `${body.key} is split`);
        this.#partitionOf.set(body.key, partition);
      }
      const last = this.#last.get(partition) ?? { sequenceNumber: -1, offset: -1, enqueuedTimeUtc };
      const isNext = sequenceNumber === last.sequenceNumber + 1 && Number(offset) > Number(last.offset);
      const here = { sequenceNumber, offset, enqueuedTimeUtc };
      const seen = `after ${JSON.stringify(last)} of partition ${partition} came ${JSON.stringify(here)}`;
      assert(isNext && enqueuedTimeUtc >= last.enqueuedTimeUtc, seen);
      this.#last.set(partition, here);
    }
  }

  fail(error) {
    this.errors.push(`${error.name}: ${error.message}`);
  }

  verdict() {
    const seconds = (Date.now() - this.#started) / 1000;
    const rate = Math.round(this.numbers.size / seconds);
    const { how, twice, errors } = this;
    console.log(`${how}: ${this.numbers.size} events in ${seconds.toFixed(1)} s (${rate}/s), ${twice} twice, errors`, errors);
    assert.deepEqual([this.numbers.size, this.twice, this.errors], [this.count, 0, []]);
  }
}
