// Sends events to Waybill in batches. Node 18 or newer, nothing else. See docs/batch.md.
//
//   const verdicts = await new BatchClient("https://events.example", token).send(events);
//
// As a program it reads events from standard input, a line each:
//
//   EVENTS_URL=… EVENTS_TOKEN=… node waybill_batch.mjs < events.ndjson

import { randomUUID } from "node:crypto";
import { createInterface } from "node:readline";
import { pathToFileURL } from "node:url";
import { gzipSync } from "node:zlib";

const EVENTS_MAX = 500;
const BYTES_MAX = 4_000_000; // of JSON; Waybill takes 5,000,000
const ANSWER_MS_MAX = 30_000;
const PAUSE_SECONDS_MAX = 60;

/** Waybill refuses the whole batch, and would refuse it again: nothing of it was stored. */
export class BatchRefusedError extends Error {}

/** There was no way through in time. `events` have no verdict yet: keep them. */
export class GaveUpError extends Error {
  constructor(events) {
    super(`gave up on ${events.length} events`);
    this.events = events;
  }
}

export class BatchClient {
  constructor(url, token, giveUpSeconds = 900) {
    this.url = url.replace(/\/$/, "") + "/batch";
    this.headers = {
      Authorization: `Bearer ${token}`,
      "Content-Type": "application/json",
      "Content-Encoding": "gzip",
    };
    this.giveUpSeconds = giveUpSeconds;
  }

  /**
   * Returns the verdict on each event, in their order. Events without an `id` get one, in place: so
   * an event that is sent again by a later call still counts once.
   */
  async send(events) {
    const verdicts = [];
    for (const event of events) event.id ??= randomUUID();
    for (const batch of packed(events)) verdicts.push(...(await this.#sendBatch(batch)));
    return verdicts;
  }

  async #sendBatch(batch) {
    const verdicts = new Array(batch.length);
    let pending = batch.map((_, index) => index);
    let pause = 1;
    const givesUpAt = Date.now() + this.giveUpSeconds * 1000;
    for (;;) {
      const { answer, retryAfter } = await this.#post(pending.map((index) => batch[index]));
      if (answer) {
        const left = [];
        for (const result of answer.results) {
          const index = pending[result.index];
          if (result.status === "retry") left.push(index);
          else verdicts[index] = result;
        }
        if (left.length === 0) return verdicts;
        if (left.length < pending.length) pause = 1;
        pending = left;
      }
      if (Date.now() > givesUpAt) throw new GaveUpError(pending.map((index) => batch[index]));
      const seconds = Math.max(retryAfter, pause) * (1 + Math.random() / 2);
      await new Promise((resolve) => setTimeout(resolve, seconds * 1000));
      pause = Math.min(PAUSE_SECONDS_MAX, pause * 2);
    }
  }

  /** Returns the answer, none if the batch has to be sent again, and the seconds to wait. */
  async #post(events) {
    let response, text;
    try {
      response = await fetch(this.url, {
        method: "POST",
        headers: this.headers,
        body: gzipSync(JSON.stringify(events)),
        signal: AbortSignal.timeout(ANSWER_MS_MAX),
      });
      text = await response.text();
    } catch {
      return { retryAfter: 0 }; // the answer was lost: what was stored will be told as a duplicate
    }
    const retryAfter = Number(response.headers.get("Retry-After")) || 0;
    if (response.status === 200) {
      try {
        return { answer: JSON.parse(text), retryAfter };
      } catch {
        return { retryAfter };
      }
    }
    const isPassing = [408, 429].includes(response.status) || response.status >= 500;
    if (isPassing || text.includes("incomplete_body")) return { retryAfter };
    throw new BatchRefusedError(`${response.status} ${text}`);
  }
}

function* packed(events) {
  let batch = [];
  let size = 0;
  for (const event of events) {
    const bytes = Buffer.byteLength(JSON.stringify(event)) + 1;
    if (batch.length && (batch.length === EVENTS_MAX || size + bytes > BYTES_MAX)) {
      yield batch;
      batch = [];
      size = 0;
    }
    batch.push(event);
    size += bytes;
  }
  if (batch.length) yield batch;
}

async function main() {
  const client = new BatchClient(process.env.EVENTS_URL, process.env.EVENTS_TOKEN);
  const counts = {};
  let events = [];
  const flush = async () => {
    for (const verdict of await client.send(events)) {
      counts[verdict.status] = (counts[verdict.status] ?? 0) + 1;
      if (verdict.status === "rejected") console.error(JSON.stringify(verdict));
    }
    events = [];
  };
  for await (const line of createInterface({ input: process.stdin })) {
    if (line.trim()) events.push(JSON.parse(line));
    if (events.length === EVENTS_MAX) await flush();
  }
  await flush();
  console.log(JSON.stringify(counts));
  process.exitCode = counts.rejected ? 1 : 0;
}

if (import.meta.url === pathToFileURL(process.argv[1]).href) await main();
