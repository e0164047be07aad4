package io.github.tihua;

import io.github.tihua.v1.IngestBatch;
import io.github.tihua.v1.Item;
import io.github.tihua.v1.ItemError;
import io.grpc.Status;
import java.util.Iterator;
import java.util.List;

/** Cuts items into batches that the server takes. */
final class Batches {
  private static final int MAX_BATCH_ITEMS = 16; // 8 to 64 travel best,
  private static final int MAX_BATCH_BYTES = 4 << 20; // and at most 4 MiB; a larger item goes alone.

  private static final int REQUEST_OVERHEAD = 32; // Tags, lengths, number of a batch, at most,
  private static final int ITEM_OVERHEAD = 6; // and of each item in it.

  /**
   * A batch to be sent.
   *
   * @param first the position of its first item among all; the others follow it.
   */
  record Batch(IngestBatch message, int first) {}

  private final Iterator<Item> items;
  private final List<ItemError> errors;
  /** Read, and not in a batch yet. */
  private Item spare;
  /** Of the next item among all. */
  private int position;
  private long failed;

  /** Adds to {@code errors} the items that are too large to be sent. */
  Batches(Iterator<Item> items, List<ItemError> errors) {
    this.items = items;
    this.errors = errors;
  }

  /** Returns how many items were too large to be sent. */
  long failed() {
    return failed;
  }

  /**
   * Returns the next batch, of at most {@code window} bytes; null if there is none. An item that is
   * larger by itself has failed.
   */
  Batch next(long window) {
    IngestBatch.Builder batch = IngestBatch.newBuilder();
    int first = position;
    long bytes = REQUEST_OVERHEAD;
    while (batch.getItemsCount() < MAX_BATCH_ITEMS && (spare != null || items.hasNext())) {
      Item item = spare == null ? items.next() : spare;
      spare = null;
      long size = ITEM_OVERHEAD + item.getSerializedSize();
      if (bytes + size > Math.min(MAX_BATCH_BYTES, window) && batch.getItemsCount() > 0) {
        spare = item;
        break;
      }
      position++;
      if (REQUEST_OVERHEAD + size > window) {
        fail(item, REQUEST_OVERHEAD + size, window);
        first = position;
        continue;
      }
      batch.addItems(item);
      bytes += size;
    }
    return batch.getItemsCount() == 0 ? null : new Batch(batch.build(), first);
  }

  /** Counts an item that is read. */
  private void fail(Item item, long bytes, long window) {
    failed++;
    errors.add(
        ItemError.newBuilder()
            .setIndex(position - 1)
            .setId(item.getId())
            .setCode(Status.Code.RESOURCE_EXHAUSTED.value())
            .setReason("TOO_LARGE")
            .setMessage("the item is %d bytes; the server takes %d at once".formatted(bytes, window))
            .putMetadata("bytes", Long.toString(bytes))
            .putMetadata("limit", Long.toString(window))
            .build());
  }
}
