import { randomUUID } from "node:crypto";
import { setTimeout } from "node:timers/promises";

import { type ClientDuplexStream, status } from "@grpc/grpc-js";

import {
  type IngestAck,
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

/** Why a stream ends that rested: no outage. */
const STREAM_IDLE = "STREAM_IDLE";

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
 * credit and one batch. If it ends with an error, `items` is closed, as by a loop that is left. Only
 * what it has not begun to read, as when there is no such collection, is left to the caller.
 */
export async function ingest(
  client: IngestServiceClient,
  collection: string,
  items: AsyncIterable<Item> | Iterable<Item>,
): Promise<IngestReport> {
  const source = batches(items);
  try {
    return await ingestAll(client, new IngestSession(collection, source));
  } catch (error) {
    await source.return(undefined).catch(() => undefined); // This error is told, not one of closing.
    throw error;
  }
}

async function ingestAll(client: IngestServiceClient, session: IngestSession): Promise<IngestReport> {
  let progress = 0;
  let brokenSince = 0;
  for (let attempt = 0; ; attempt++) {
    const stream = client.ingest();
    stream.on("error", () => undefined); // One that comes after its end has no other listener.
    try {
      await session.run(stream);
      return session.report;
    } catch (error) {
      const { code, reason, retryAfterMs } = refusalOf(error);
      if (attempt === 0 || session.progress !== progress) {
        // The first break since it got on.
        attempt = 0;
        progress = session.progress;
        brokenSince = Date.now();
      }
      // A server that was stopping says CANCELLED.
      const passes = retryAfterMs > 0 || code === status.UNAVAILABLE || code === status.CANCELLED;
      const isOver = Date.now() - brokenSince > MAX_BREAK_MS && reason !== STREAM_IDLE;
      if (!passes || isOver || session.isSourceBroken) {
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
  isSourceBroken = false;
  /** Says what is acknowledged, too. */
  private readonly start: IngestStart;
  /** Not acknowledged; the first is batch `start.readSeq` + 1. */
  private readonly pending: IngestBatch[] = [];

  // Of the stream that is open:
  /** Safe; the acknowledgement that says so is read before anything is sent. */
  private resumeSeq = 0;
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

  /** Grows with each batch that is read, and with each that is acknowledged. */
  get progress(): number {
    return 2 * this.start.readSeq + this.pending.length;
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
        this.resumeSeq = message.value.committedSeq;
        this.grant(message.value.credit);
        this.window = this.credit.bytes;
        this.maySend = true;
        break;
      case "credit":
        this.grant(message.value);
        break;
      case "ack":
        this.acknowledge(message.value);
        break;
      case "draining":
        this.maySend = false;
        break;
      case "summary":
        this.isComplete = true;
    }
  }

  private grant(credit = { batches: 0, bytes: 0 }): void {
    this.credit.batches += credit.batches;
    this.credit.bytes += credit.bytes;
  }

  /** Forgets the batches that are safe, and keeps what the next stream's server is told. */
  private acknowledge({ committedSeq, itemsWritten, itemsFailed, itemsSkipped, errors }: IngestAck): void {
    const count = committedSeq - this.start.readSeq;
    this.pending.splice(0, count);
    this.sent = Math.max(0, this.sent - count);
    Object.assign(this.start, { readSeq: committedSeq, itemsWritten, itemsFailed, itemsSkipped });
    this.report.written = itemsWritten;
    this.report.failed = itemsFailed;
    this.report.errors.push(...errors.flatMap(({ error }) => error ?? []));
  }

  /** Sends what credit allows, and half-closes after the last batch. */
  private async send(stream: Stream): Promise<void> {
    while (this.maySend && this.start.readSeq >= this.resumeSeq) {
      if (this.sent === this.pending.length) {
        const next = await this.batches.next().catch((error: unknown) => {
          this.isSourceBroken = true;
          throw error;
        });
        if (next.done) {
          this.maySend = false;
          stream.end();
          return;
        }
        this.pending.push(next.value);
      }
      const batch = this.pending[this.sent]!;
      batch.seq = this.start.readSeq + this.sent + 1;
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
