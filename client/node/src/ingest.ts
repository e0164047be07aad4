import { randomUUID } from "node:crypto";
import { setTimeout } from "node:timers/promises";

import { type ClientDuplexStream, status } from "@grpc/grpc-js";

import {
  IngestBatch,
  IngestRequest,
  type IngestResponse,
  type IngestServiceClient,
  IngestStart,
} from "./gen/tihua/v1/ingest_service.js";
import { Item, type ItemError } from "./gen/tihua/v1/types.js";
import { refusalOf } from "./refusal.js";

const MAX_BATCH_ITEMS = 16; // 8 to 64 travel best,
const MAX_BATCH_BYTES = 4 * 2 ** 20; // and at most 4 MiB; a larger item goes alone.
const MAX_BREAK_MS = 5 * 60_000;

/** What became of the items of an `ingest`. */
export interface IngestReport {
  written: number;
  failed: number;
  errors: ItemError[];
  /** How many streams it took: one more than there were breaks. */
  streams: number;
}

/**
 * Writes items into a collection, over as many streams as it takes. After a break of up to five
 * minutes what the server had not acknowledged is sent again; in memory is no more than the server's
 * credit and one batch.
 */
export async function ingest(
  client: IngestServiceClient,
  collection: string,
  items: AsyncIterable<Item> | Iterable<Item>,
): Promise<IngestReport> {
  const session = new IngestSession(collection, batches(items));
  let lastProgress = Date.now();
  for (let attempt = 0; ; attempt++) {
    const { committed } = session;
    const stream = client.ingest();
    stream.on("error", () => undefined); // One that comes after its end has no other listener.
    try {
      await session.run(stream);
      return session.report;
    } catch (error) {
      if (session.committed !== committed) {
        attempt = 0;
        lastProgress = Date.now();
      }
      const { code, retryAfterMs } = refusalOf(error);
      if ((code !== status.UNAVAILABLE && !retryAfterMs) || Date.now() - lastProgress > MAX_BREAK_MS) {
        throw error;
      }
      const ceiling = Math.min(5_000, 100 * 2 ** attempt);
      await setTimeout(retryAfterMs + (ceiling * (1 + Math.random())) / 2);
    } finally {
      stream.cancel();
    }
  }
}

type Stream = ClientDuplexStream<IngestRequest, IngestResponse>;

class IngestSession {
  readonly report: IngestReport = { written: 0, failed: 0, errors: [], streams: 0 };
  /** The last batch that is safe. */
  committed = 0;
  private readonly start: IngestStart;
  /** Not acknowledged; the first is batch `committed` + 1. */
  private readonly pending: IngestBatch[] = [];
  /** The counts of before the server forgot the session. */
  private forgotten = { written: 0, failed: 0 };

  // Of the stream that is open:
  /** How many of `pending` are on their way. */
  private sent = 0;
  /** It has begun; it is neither half-closed nor draining. */
  private maySend = false;
  private isComplete = false;
  private credit = { batches: 0, bytes: 0 };
  /** The most credit there ever is, in bytes. */
  private window = 0;

  constructor(
    collection: string,
    private readonly batches: AsyncGenerator<IngestBatch>,
  ) {
    this.start = IngestStart.fromPartial({ collection, sessionId: randomUUID() });
  }

  async run(stream: Stream): Promise<void> {
    this.report.streams++;
    this.sent = 0;
    this.maySend = false;
    this.credit = { batches: 0, bytes: 0 };
    stream.write({ message: { $case: "start", value: this.start } });
    for await (const response of stream) {
      this.receive(response);
      await this.send(stream);
    }
    if (!this.isComplete) {
      throw new Error("the server ended the stream without a summary");
    }
  }

  private receive({ message }: IngestResponse): void {
    switch (message?.$case) {
      case "started":
        if (message.value.committedSeq < this.committed) {
          // A server that has forgotten the session.
          this.forgotten = { ...this.report };
          this.committed = this.start.readSeq = 0;
        }
        this.commit(message.value.committedSeq);
        this.grant(message.value.credit);
        this.window = this.credit.bytes;
        this.maySend = true;
        break;
      case "credit":
        this.grant(message.value);
        break;
      case "ack":
        this.start.readSeq = message.value.committedSeq;
        this.count(message.value);
        this.report.errors.push(...message.value.errors.flatMap(({ error }) => error ?? []));
        this.commit(message.value.committedSeq);
        break;
      case "draining":
        this.maySend = false;
        break;
      case "summary":
        this.count(message.value); // Of acknowledgements that a break hid, too.
        this.isComplete = true;
    }
  }

  private grant(credit = { batches: 0, bytes: 0 }): void {
    this.credit.batches += credit.batches;
    this.credit.bytes += credit.bytes;
  }

  private count({ itemsWritten, itemsFailed }: { itemsWritten: number; itemsFailed: number }): void {
    this.report.written = this.forgotten.written + itemsWritten;
    this.report.failed = this.forgotten.failed + itemsFailed;
  }

  /** Forgets the batches up to `seq`. */
  private commit(seq: number): void {
    const count = seq - this.committed;
    this.pending.splice(0, count);
    this.sent = Math.max(0, this.sent - count);
    this.committed = seq;
  }

  /** Sends what credit allows, and half-closes after the last batch. */
  private async send(stream: Stream): Promise<void> {
    while (this.maySend) {
      if (this.sent === this.pending.length) {
        const next = await this.batches.next();
        if (next.done) {
          this.maySend = false;
          stream.end();
          return;
        }
        this.pending.push(next.value);
      }
      const batch = this.pending[this.sent]!;
      batch.seq = this.committed + this.sent + 1;
      const request: IngestRequest = { message: { $case: "batch", value: batch } };
      const size = IngestRequest.encode(request).finish().length;
      if (size > this.window) {
        throw new RangeError(`item ${batch.items[0]?.id} takes ${size} bytes; the server takes ${this.window} at once`);
      }
      if (!this.credit.batches || this.credit.bytes < size) {
        return;
      }
      stream.write(request); // What waits in the stream's buffer is within the server's credit.
      this.sent++;
      this.credit.batches--;
      this.credit.bytes -= size;
    }
  }
}

async function* batches(items: AsyncIterable<Item> | Iterable<Item>): AsyncGenerator<IngestBatch> {
  let batch = IngestBatch.create();
  let bytes = 0;
  for await (const item of items) {
    const size = Item.encode(item).finish().length;
    if (batch.items.length === MAX_BATCH_ITEMS || (bytes > 0 && bytes + size > MAX_BATCH_BYTES)) {
      yield batch;
      batch = IngestBatch.create();
      bytes = 0;
    }
    batch.items.push(item);
    bytes += size;
  }
  if (bytes > 0) {
    yield batch;
  }
}
