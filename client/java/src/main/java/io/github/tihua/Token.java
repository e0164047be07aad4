package io.github.tihua;

import io.grpc.CallCredentials;
import io.grpc.Metadata;
import io.grpc.SecurityLevel;
import io.grpc.Status;
import java.util.concurrent.Executor;

/** A token that is sent with every call of a stub: {@code stub.withCallCredentials(new Token(…))}. */
public final class Token extends CallCredentials {
  private static final Metadata.Key<String> AUTHORIZATION =
      Metadata.Key.of("authorization", Metadata.ASCII_STRING_MARSHALLER);

  private final Metadata headers = new Metadata();

  public Token(String token) {
    headers.put(AUTHORIZATION, "Bearer " + token);
  }

  /** Sends the token, but never over a connection without TLS. */
  @Override
  public void applyRequestMetadata(RequestInfo call, Executor executor, MetadataApplier applier) {
    if (call.getSecurityLevel() == SecurityLevel.PRIVACY_AND_INTEGRITY) {
      applier.apply(headers);
    } else {
      applier.fail(Status.UNAUTHENTICATED.withDescription("a token is sent over TLS alone"));
    }
  }

  @Override
  public void thisUsesUnstableApi() {}
}
