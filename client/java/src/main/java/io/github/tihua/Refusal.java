package io.github.tihua;

import com.google.protobuf.Any;
import com.google.protobuf.InvalidProtocolBufferException;
import com.google.rpc.BadRequest;
import com.google.rpc.ErrorInfo;
import com.google.rpc.RetryInfo;
import io.grpc.Status;
import io.grpc.protobuf.StatusProto;
import java.time.Duration;
import java.util.List;

/**
 * Why a call failed: its code, and what the server's error details say.
 *
 * @param reason stable and machine-readable (google.rpc.ErrorInfo); empty where not the server, but
 *     the network or a deadline ended the call.
 * @param field the request field at fault (google.rpc.BadRequest); empty where there is none.
 * @param retryAfter when the same call may succeed (google.rpc.RetryInfo); zero if the server does
 *     not invite to come back.
 */
public record Refusal(
    Status.Code code, String message, String reason, String field, Duration retryAfter) {

  /** Explains what a call threw. */
  public static Refusal of(Throwable error) {
    Status status = Status.fromThrowable(error);
    String reason = "";
    String field = "";
    Duration retryAfter = Duration.ZERO;
    com.google.rpc.Status rich = StatusProto.fromThrowable(error);
    try {
      for (Any detail : rich == null ? List.<Any>of() : rich.getDetailsList()) {
        if (detail.is(ErrorInfo.class)) {
          reason = detail.unpack(ErrorInfo.class).getReason();
        } else if (detail.is(BadRequest.class)) {
          for (var violation : detail.unpack(BadRequest.class).getFieldViolationsList()) {
            field = field.isEmpty() ? violation.getField() : field;
          }
        } else if (detail.is(RetryInfo.class)) {
          var delay = detail.unpack(RetryInfo.class).getRetryDelay();
          retryAfter = Duration.ofSeconds(delay.getSeconds(), delay.getNanos());
        }
      }
    } catch (InvalidProtocolBufferException broken) {
      throw new IllegalArgumentException("the details of " + status + " do not parse", broken);
    }
    return new Refusal(status.getCode(), status.getDescription(), reason, field, retryAfter);
  }
}
