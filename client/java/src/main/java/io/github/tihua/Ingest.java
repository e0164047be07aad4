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
 * credit and one batch. An item that alone exceeds the credit counts as failed.
 */
public final class Ingest {
  private static final Duration MAX_BREAK = Duration.ofMinutes(5);

  /**
   * What became of the items.
   *
   * @param errors in each {@code index} is a position among all items, from 0.
   * @param streams how many it took: one more than there were breaks.
   */
  public record Report(long written, long failed, List<ItemError> errors, int streams) {}

  /** What the server said, or how the stream ended: without an error if all is well. */
  private record Event(IngestResponse response, Throwable error) {}

  private final IngestServiceStub stub;
  private final Batches batches;
  /** Says what is acknowledged, too. */
  private final IngestStart.Builder start;
  private final List<ItemError> errors = new ArrayList<>();
  /** Not acknowledged; the first is batch {@code start.readSeq + 1}. */
  private final List<Batches.Batch> pending = new ArrayList<>();
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

  /** Prepares to write; nothing is sent or read yet. */
  public Ingest(IngestServiceStub stub, String collection, Iterator<Item> items) {
    this.stub = stub;
    batches = new Batches(items, errors);
    start = IngestStart.newBuilder().setCollection(collection);
    start.setSessionId(UUID.randomUUID().toString());
  }

  /**
   * Writes all items; to be called once.
   *
   * @throws io.grpc.StatusRuntimeException the server refused, or did not come back.
   * @throws IllegalStateException a server takes less at once than the one before it.
   */
  public Report run() throws InterruptedException {
    long progress = 0;
    long brokenSince = 0;
    for (int attempt = 0; ; attempt++) {
      Throwable error = runStream();
      if (error == null) {
        return report();
      }
      if (attempt == 0 || progress() != progress) { // The first break since it got on.
        attempt = 0;
        progress = progress();
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
      boolean isOver = System.nanoTime() - brokenSince > MAX_BREAK.toNanos();
      // By the caller. The stub's channel can't be asked: it may be an interceptor's.
      boolean isClosed = refusal.message() != null && refusal.message().startsWith("Channel shutdown");
      if (!passes || isOver || isClosed) {
        throw Status.fromThrowable(error).asRuntimeException(Status.trailersFromThrowable(error));
      }
      long ceilingMs = attempt < 6 ? 100 << attempt : 5_000;
      long delayMs = ThreadLocalRandom.current().nextLong(ceilingMs / 2, ceilingMs);
      Thread.sleep(delayMs + refusal.retryAfter().toMillis());
    }
  }

  /**
   * Returns what has become of the items so far: after an exception of {@code run}, too. To be called
   * once {@code run} has ended, or by the thread that runs it.
   */
  public Report report() {
    long failed = start.getItemsFailed() + batches.failed();
    return new Report(start.getItemsWritten(), failed, List.copyOf(errors), streams);
  }

  /** Returns why the stream broke, null if all is written. */
  private Throwable runStream() throws InterruptedException {
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
    for (BatchError failure : ack.getErrorsList()) {
      int first = pending.get((int) (failure.getSeq() - start.getReadSeq() - 1)).first();
      ItemError error = failure.getError();
      errors.add(error.toBuilder().setIndex(first + error.getIndex()).build());
    }
    int count = (int) (ack.getCommittedSeq() - start.getReadSeq());
    pending.subList(0, count).clear();
    sent = Math.max(0, sent - count);
    start
        .setReadSeq(ack.getCommittedSeq())
        .setItemsWritten(ack.getItemsWritten())
        .setItemsFailed(ack.getItemsFailed())
        .setItemsSkipped(ack.getItemsSkipped());
  }

  /**
   * Grows with each batch that is read, and with each that is acknowledged. By the end of a stream
   * that rested too long it has grown, too: a stream rests only while the next batch is read.
   */
  private long progress() {
    return 2 * start.getReadSeq() + pending.size();
  }

  /** Sends what credit allows, and half-closes after the last batch. */
  private void send(StreamObserver<IngestRequest> requests) {
    while (maySend && start.getReadSeq() >= resumeSeq) {
      if (sent == pending.size()) {
        Batches.Batch next = batches.next(windowBytes);
        if (next == null) {
          maySend = false;
          requests.onCompleted();
          return;
        }
        pending.add(next);
      }
      long seq = start.getReadSeq() + sent + 1;
      IngestBatch batch = pending.get(sent).message().toBuilder().setSeq(seq).build();
      IngestRequest request = IngestRequest.newBuilder().setBatch(batch).build();
      int size = request.getSerializedSize();
      if (size > windowBytes) {
        throw new IllegalStateException(
            "this server takes %d bytes at once; a batch for the one before has %d"
                .formatted(windowBytes, size));
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
}
