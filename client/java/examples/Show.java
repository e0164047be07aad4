import com.google.protobuf.InvalidProtocolBufferException;
import com.google.protobuf.MessageOrBuilder;
import com.google.protobuf.util.JsonFormat;
import io.github.tihua.Embeddings;
import io.github.tihua.Refusal;
import io.github.tihua.v1.VectorBlock;

/** What the tour prints: a line of JSON for each step. */
final class Show {
  /** Shows the numbers of an embedding by their bits. */
  static void embedding(String step, VectorBlock block) {
    StringBuilder bits = new StringBuilder("\"");
    for (float number : Embeddings.unpack(block)[0]) {
      bits.append("%08x".formatted(Float.floatToRawIntBits(number)));
    }
    answer(step, bits.append('"').toString());
  }

  static void refusal(String step, Throwable error) {
    Refusal refusal = Refusal.of(error);
    answer(
        step,
        "{\"code\":%d,\"reason\":\"%s\",\"field\":\"%s\",\"retry_after_s\":%s}"
            .formatted(
                refusal.code().value(),
                refusal.reason(),
                refusal.field(),
                refusal.retryAfter().toMillis() / 1e3));
  }

  static void answer(String step, MessageOrBuilder answer) {
    try {
      answer(step, JsonFormat.printer().omittingInsignificantWhitespace().print(answer));
    } catch (InvalidProtocolBufferException error) {
      throw new IllegalArgumentException(error);
    }
  }

  static void answer(String step, String json) {
    System.out.printf("{\"step\":\"%s\",\"answer\":%s}%n", step, json);
  }
}
