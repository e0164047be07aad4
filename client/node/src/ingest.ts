import { randomUUID } from "node:crypto";
import { setTimeout } from "node:timers/promises";

import { type ClientDuplexStream, status } from "@grpc/grpc-js";

import { type Batch, Batches } from "./batches.js";
import {
  type IngestAck,
  IngestRequest,
  type IngestResponse,
  type IngestServiceClient,
  IngestStart,
} from "./gen/tihua/v1/ingest_service.js";
import type { Item, ItemError } from "./gen/tihua/v1/types.js";
import { refusalOf } from "./refusal.js";

const MAX_BREAK_MS = 5 * 60_000;

/** What became of the items of an `ingest`. */
export class IngestReport {
  written = 0;
  failed = 0;
  /** Each `index` is a position among all items, from 0. */
  errors: ItemError[] = [];
  /** How many streams it took: one more than there were breaks. */
  streams = 0;
}

/**
 * Writes items into a collection, over as many streams as it takes. After a break of up to five
 * minutes what the server had not acknowledged is sent again; in memory is no more than the server's
 * credit and one batch. An item that alone exceeds the credit counts as failed.
 *
 * If it ends with an error, `items` is closed, as by a loop that is left. Only what it has not begun
 * to read, as when there is no such collection, is left to the caller. `report` is reset, then kept up
 * to date: give one to know then what had become of the items.
 */
export async function ingest(
  client: IngestServiceClient,
  collection: string,
  items: AsyncIterable<Item> | Iterable<Item>,
  report = new IngestReport(),
): Promise<IngestReport> {
  Object.assign(report, new IngestReport());
  const batches = new Batches(items, report);
  try {
    await ingestAll(client, new IngestSession(collection, batches, report));
    return report;
  } catch (error) {
    await batches.close().catch(() => undefined); // This error is told, not one of closing.
    throw error;
  }
}

async function ingestAll(client: IngestServiceClient, session: IngestSession): Promise<void> {
  let progress = 0;
  let brokenSince = 0;
  for (let attempt = 0; ; attempt++) {
    const stream = client.ingest();
    stream.on("error", () => undefined); // One that comes after its end has no other listener.
    try {
      return await session.run(stream);
    } catch (error) {
      const { code, retryAfterMs } = refusalOf(error);
      if (attempt === 0 || session.progress !== progress) {
        // The first break since it got on.
        attempt = 0;
        progress = session.progress;
        brokenSince = performance.now();
      }
      // A server that was stopping says CANCELLED.
      const passes = retryAfterMs > 0 || code === status.UNAVAILABLE || code === status.CANCELLED;
      const isOver = performance.now() - brokenSince > MAX_BREAK_MS;
      if (!passes || isOver || session.batches.isBroken) {
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
  /** Says what is acknowledged, too. */
  private readonly start: IngestStart;
  /** Not acknowledged; the first is batch `start.readSeq` + 1. */
  private readonly pending: Batch[] = [];

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
    readonly batches: Batches,
    private readonly report: IngestReport,
  ) {
    this.start = IngestStart.fromPartial({ collection, sessionId: randomUUID() });
  }

  /**
   * Grows with each batch that is read, and with each that is acknowledged. By the end of a stream
   * that rested too long it has grown, too: a stream rests only while the next batch is read.
   */
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
    for (const { seq, error } of errors) {
      const { first } = this.pending[seq - this.start.readSeq - 1]!;
      this.report.errors.push({ ...error!, index: first + error!.index });
    }
    const count = committedSeq - this.start.readSeq;
    this.pending.splice(0, count);
    this.sent = Math.max(0, this.sent - count);
    Object.assign(this.start, { readSeq: committedSeq, itemsWritten, itemsFailed, itemsSkipped });
    this.report.written = itemsWritten;
    this.report.failed = itemsFailed + this.batches.failed;
  }

  /** Sends what credit allows, and half-closes after the last batch. */
  private async send(stream: Stream): Promise<void> {
    while (this.maySend && this.start.readSeq >= this.resumeSeq) {
      if (this.sent === this.pending.length) {
        const next = await this.batches.next(this.window);
        if (!next) {
          this.maySend = false;
          stream.end();
          return;
        }
        this.pending.push(next);
      }
      const { message } = this.pending[this.sent]!;
      message.seq = this.start.readSeq + this.sent + 1;
      const request: IngestRequest = { message: { $case: "batch", value: message } };
      const size = IngestRequest.encode(request).finish().length;
      if (size > this.window) {
        throw new RangeError(
          `this server takes ${this.window} bytes at once; a batch for the one before has ${size}`,
        );
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
