package io.github.tihua;

import io.github.tihua.v1.BatchError;
import io.github.tihua.v1.IngestAck;
import io.github.tihua.v1.IngestBatch;
import io.github.tihua.v1.IngestCredit;
import io.github.tihua.v1.IngestRequest;
import io.github.tihua.v1.IngestResponse;
import io.github.tihua.v1.IngestServiceGrpc.IngestServiceStub;
import io.github.tihua.v1.IngestStart;
import io.github.tihua.v1.Item;
import io.github.tihua.v1.ItemError;
import io.grpc.Context;
import io.grpc.Status;
import io.grpc.stub.StreamObserver;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.UUID;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.ThreadLocalRandom;

/**
 * Writes items into a collection, over as many streams as it takes. After a break of up to five
 * minutes what the server had not acknowledged is sent again; in memory is no more than the server's
 * credit and one batch.
 */
public final class Ingest {
  private static final int MAX_BATCH_ITEMS = 16; // 8 to 64 travel best,
  private static final int MAX_BATCH_BYTES = 4 << 20; // and at most 4 MiB; a larger item goes alone.
  private static final Duration MAX_BREAK = Duration.ofMinutes(5);

  /** Why a stream ends that rested: no outage. */
  private static final String STREAM_IDLE = "STREAM_IDLE";

  /**
   * What became of the items.
   *
   * @param streams how many it took: one more than there were breaks.
   */
  public record Report(long written, long failed, List<ItemError> errors, int streams) {}

  /** What the server said, or how the stream ended: without an error if all is well. */
  private record Event(IngestResponse response, Throwable error) {}

  private final Iterator<Item> items;
  /** Says what is acknowledged, too. */
  private final IngestStart.Builder start;
  private final List<ItemError> errors = new ArrayList<>();
  /** Not acknowledged; the first is batch {@code start.readSeq + 1}. */
  private final List<IngestBatch> pending = new ArrayList<>();
  /** Read, and too large for the batch before it. */
  private Item spare;
  private int streams;

  // Of the stream that is open:
  /** Safe; the acknowledgement that says so is read before anything is sent. */
  private long resumeSeq;
  /** How many of {@code pending} are on their way. */
  private int sent;
  /** It has begun; it is neither half-closed nor draining. */
  private boolean maySend;
  private boolean isComplete;
  private long creditBatches;
  private long creditBytes;
  /** The most credit there ever is. */
  private long windowBytes;

  private Ingest(String collection, Iterator<Item> items) {
    this.items = items;
    start = IngestStart.newBuilder().setCollection(collection);
    start.setSessionId(UUID.randomUUID().toString());
  }

  /**
   * Writes all items.
   *
   * @throws io.grpc.StatusRuntimeException the server refused, or did not come back.
   */
  public static Report run(IngestServiceStub stub, String collection, Iterator<Item> items)
      throws InterruptedException {
    Ingest ingest = new Ingest(collection, items);
    long progress = 0;
    long brokenSince = 0;
    for (int attempt = 0; ; attempt++) {
      Throwable error = ingest.runStream(stub);
      if (error == null) {
        return ingest.report();
      }
      if (attempt == 0 || ingest.progress() != progress) { // The first break since it got on.
        attempt = 0;
        progress = ingest.progress();
        brokenSince = System.nanoTime();
      }
      Refusal refusal = Refusal.of(error);
      boolean passes =
          switch (refusal.code()) {
            case UNAVAILABLE -> true;
            // A server that was stopping says so.
            case CANCELLED -> !Context.current().isCancelled();
            default -> !refusal.retryAfter().isZero();
          };
      boolean isOver =
          System.nanoTime() - brokenSince > MAX_BREAK.toNanos()
              && !refusal.reason().equals(STREAM_IDLE);
      if (!passes || isOver) {
        throw Status.fromThrowable(error).asRuntimeException(Status.trailersFromThrowable(error));
      }
      long ceilingMs = attempt < 6 ? 100 << attempt : 5_000;
      long delayMs = ThreadLocalRandom.current().nextLong(ceilingMs / 2, ceilingMs);
      Thread.sleep(delayMs + refusal.retryAfter().toMillis());
    }
  }

  /** Returns why the stream broke, null if all is written. */
  private Throwable runStream(IngestServiceStub stub) throws InterruptedException {
    streams++;
    sent = 0;
    maySend = false;
    creditBatches = 0;
    creditBytes = 0;
    BlockingQueue<Event> events = new LinkedBlockingQueue<>(); // Bounded by the server's credit.
    StreamObserver<IngestRequest> requests =
        stub.ingest(
            new StreamObserver<>() {
              @Override
              public void onNext(IngestResponse response) {
                events.add(new Event(response, null));
              }

              @Override
              public void onError(Throwable error) {
                events.add(new Event(null, error));
              }

              @Override
              public void onCompleted() {
                events.add(new Event(null, null));
              }
            });
    try {
      requests.onNext(IngestRequest.newBuilder().setStart(start).build());
      Event event;
      while ((event = events.take()).response != null) {
        receive(event.response);
        send(requests);
      }
      if (event.error == null && !isComplete) {
        return Status.INTERNAL.withDescription("the stream has no summary").asException();
      }
      return event.error;
    } catch (InterruptedException | RuntimeException error) {
      requests.onError(error);
      throw error;
    }
  }

  private void receive(IngestResponse response) {
    switch (response.getMessageCase()) {
      case STARTED -> {
        resumeSeq = response.getStarted().getCommittedSeq();
        grant(response.getStarted().getCredit());
        windowBytes = creditBytes;
        maySend = true;
      }
      case CREDIT -> grant(response.getCredit());
      case ACK -> acknowledge(response.getAck());
      case DRAINING -> maySend = false;
      case SUMMARY -> isComplete = true;
      case MESSAGE_NOT_SET -> {}
    }
  }

  private void grant(IngestCredit credit) {
    creditBatches += credit.getBatches();
    creditBytes += credit.getBytes();
  }

  /** Forgets the batches that are safe, and keeps what the next stream's server is told. */
  private void acknowledge(IngestAck ack) {
    int count = (int) (ack.getCommittedSeq() - start.getReadSeq());
    pending.subList(0, count).clear();
    sent = Math.max(0, sent - count);
    start
        .setReadSeq(ack.getCommittedSeq())
        .setItemsWritten(ack.getItemsWritten())
        .setItemsFailed(ack.getItemsFailed())
        .setItemsSkipped(ack.getItemsSkipped());
    ack.getErrorsList().stream().map(BatchError::getError).forEach(errors::add);
  }

  /** Grows with each batch that is read, and with each that is acknowledged. */
  private long progress() {
    return 2 * start.getReadSeq() + pending.size();
  }

  private Report report() {
    return new Report(start.getItemsWritten(), start.getItemsFailed(), errors, streams);
  }

  /** Sends what credit allows, and half-closes after the last batch. */
  private void send(StreamObserver<IngestRequest> requests) {
    while (maySend && start.getReadSeq() >= resumeSeq) {
      if (sent == pending.size() && !readBatch()) {
        maySend = false;
        requests.onCompleted();
        return;
      }
      long seq = start.getReadSeq() + sent + 1;
      IngestBatch batch = pending.get(sent).toBuilder().setSeq(seq).build();
      IngestRequest request = IngestRequest.newBuilder().setBatch(batch).build();
      int size = request.getSerializedSize();
      if (size > windowBytes) {
        throw new IllegalArgumentException(
            "item %s takes %d bytes; the server takes %d at once"
                .formatted(batch.getItems(0).getId(), size, windowBytes));
      }
      if (creditBatches == 0 || creditBytes < size) {
        return;
      }
      requests.onNext(request);
      sent++;
      creditBatches--;
      creditBytes -= size;
    }
  }

  /** Appends the next batch to {@code pending}; false if there is none. */
  private boolean readBatch() {
    IngestBatch.Builder batch = IngestBatch.newBuilder();
    int bytes = 0;
    while (batch.getItemsCount() < MAX_BATCH_ITEMS && (spare != null || items.hasNext())) {
      Item item = spare == null ? items.next() : spare;
      spare = null;
      bytes += item.getSerializedSize();
      if (bytes > MAX_BATCH_BYTES && batch.getItemsCount() > 0) {
        spare = item;
        break;
      }
      batch.addItems(item);
    }
    if (batch.getItemsCount() == 0) {
      return false;
    }
    pending.add(batch.build());
    return true;
  }
}
