import { status } from "@grpc/grpc-js";

import { IngestBatch } from "./gen/tihua/v1/ingest_service.js";
import { Item, ItemError } from "./gen/tihua/v1/types.js";
import type { IngestReport } from "./ingest.js";

const MAX_BATCH_ITEMS = 16; // 8 to 64 travel best,
const MAX_BATCH_BYTES = 4 * 2 ** 20; // and at most 4 MiB; a larger item goes alone.

const REQUEST_OVERHEAD = 32; // Tags, lengths, number of a batch, at most,
const ITEM_OVERHEAD = 6; // and of each item in it.

export interface Batch {
  message: IngestBatch;
  /** The position of its first item among all; the others follow it. */
  first: number;
}

/** Cuts items into batches that the server takes. */
export class Batches {
  /** Items that are too large to be sent. */
  failed = 0;
  /** The source has failed. */
  isBroken = false;
  private readonly source: AsyncGenerator<Batch>;
  /** Of the next item among all. */
  private position = 0;
  private window = 0;

  constructor(
    items: AsyncIterable<Item> | Iterable<Item>,
    private readonly report: IngestReport,
  ) {
    this.source = this.cut(items);
  }

  /**
   * Returns the next batch, of at most `window` bytes; nothing if there is none. An item that is
   * larger by itself has failed.
   */
  async next(window: number): Promise<Batch | undefined> {
    this.window = window;
    try {
      const { done, value } = await this.source.next();
      return done ? undefined : value;
    } catch (error) {
      this.isBroken = true;
      throw error;
    }
  }

  /** Closes what the items come from, if they are being read. */
  async close(): Promise<void> {
    await this.source.return(undefined);
  }

  private async *cut(items: AsyncIterable<Item> | Iterable<Item>): AsyncGenerator<Batch> {
    let batch = this.empty();
    let bytes = REQUEST_OVERHEAD;
    for await (const item of items) {
      const size = ITEM_OVERHEAD + Item.encode(item).finish().length;
      const isFull = bytes + size > Math.min(MAX_BATCH_BYTES, this.window);
      if (isFull && batch.message.items.length > 0) {
        yield batch;
        batch = this.empty();
        bytes = REQUEST_OVERHEAD;
      }
      this.position++;
      if (REQUEST_OVERHEAD + size > this.window) {
        this.fail(item, REQUEST_OVERHEAD + size);
        batch.first = this.position;
      } else {
        batch.message.items.push(item);
        bytes += size;
      }
      if (batch.message.items.length === MAX_BATCH_ITEMS) {
        yield batch; // At once: the next item may be long in coming.
        batch = this.empty();
        bytes = REQUEST_OVERHEAD;
      }
    }
    if (batch.message.items.length > 0) {
      yield batch;
    }
  }

  private empty(): Batch {
    return { message: IngestBatch.create(), first: this.position };
  }

  /** Counts an item that is read. */
  private fail({ id }: Item, bytes: number): void {
    this.failed++;
    this.report.failed++;
    this.report.errors.push(
      ItemError.fromPartial({
        index: this.position - 1,
        id,
        code: status.RESOURCE_EXHAUSTED,
        reason: "TOO_LARGE",
        message: `the item is ${bytes} bytes; the server takes ${this.window} at once`,
        metadata: { bytes: `${bytes}`, limit: `${this.window}` },
      }),
    );
  }
}
