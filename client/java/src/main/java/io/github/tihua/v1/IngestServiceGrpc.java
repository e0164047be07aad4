package io.github.tihua.v1;

import static io.grpc.MethodDescriptor.generateFullMethodName;

/**
 * <pre>
 * Embeds and writes items by the million.
 * </pre>
 */
@javax.annotation.Generated(
    value = "by gRPC proto compiler",
    comments = "Source: tihua/v1/ingest_service.proto")
@io.grpc.stub.annotations.GrpcGenerated
public final class IngestServiceGrpc {

  private IngestServiceGrpc() {}

  public static final String SERVICE_NAME = "tihua.v1.IngestService";

  // Static method descriptors that strictly reflect the proto.
  private static volatile io.grpc.MethodDescriptor<io.github.tihua.v1.IngestRequest,
      io.github.tihua.v1.IngestResponse> getIngestMethod;

  @io.grpc.stub.annotations.RpcMethod(
      fullMethodName = SERVICE_NAME + '/' + "Ingest",
      requestType = io.github.tihua.v1.IngestRequest.class,
      responseType = io.github.tihua.v1.IngestResponse.class,
      methodType = io.grpc.MethodDescriptor.MethodType.BIDI_STREAMING)
  public static io.grpc.MethodDescriptor<io.github.tihua.v1.IngestRequest,
      io.github.tihua.v1.IngestResponse> getIngestMethod() {
    io.grpc.MethodDescriptor<io.github.tihua.v1.IngestRequest, io.github.tihua.v1.IngestResponse> getIngestMethod;
    if ((getIngestMethod = IngestServiceGrpc.getIngestMethod) == null) {
      synchronized (IngestServiceGrpc.class) {
        if ((getIngestMethod = IngestServiceGrpc.getIngestMethod) == null) {
          IngestServiceGrpc.getIngestMethod = getIngestMethod =
              io.grpc.MethodDescriptor.<io.github.tihua.v1.IngestRequest, io.github.tihua.v1.IngestResponse>newBuilder()
              .setType(io.grpc.MethodDescriptor.MethodType.BIDI_STREAMING)
              .setFullMethodName(generateFullMethodName(SERVICE_NAME, "Ingest"))
              .setSampledToLocalTracing(true)
              .setRequestMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  io.github.tihua.v1.IngestRequest.getDefaultInstance()))
              .setResponseMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  io.github.tihua.v1.IngestResponse.getDefaultInstance()))
              .setSchemaDescriptor(new IngestServiceMethodDescriptorSupplier("Ingest"))
              .build();
        }
      }
    }
    return getIngestMethod;
  }

  /**
   * Creates a new async stub that supports all call types for the service
   */
  public static IngestServiceStub newStub(io.grpc.Channel channel) {
    io.grpc.stub.AbstractStub.StubFactory<IngestServiceStub> factory =
      new io.grpc.stub.AbstractStub.StubFactory<IngestServiceStub>() {
        @java.lang.Override
        public IngestServiceStub newStub(io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
          return new IngestServiceStub(channel, callOptions);
        }
      };
    return IngestServiceStub.newStub(factory, channel);
  }

  /**
   * Creates a new blocking-style stub that supports unary and streaming output calls on the service
   */
  public static IngestServiceBlockingStub newBlockingStub(
      io.grpc.Channel channel) {
    io.grpc.stub.AbstractStub.StubFactory<IngestServiceBlockingStub> factory =
      new io.grpc.stub.AbstractStub.StubFactory<IngestServiceBlockingStub>() {
        @java.lang.Override
        public IngestServiceBlockingStub newStub(io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
          return new IngestServiceBlockingStub(channel, callOptions);
        }
      };
    return IngestServiceBlockingStub.newStub(factory, channel);
  }

  /**
   * Creates a new ListenableFuture-style stub that supports unary calls on the service
   */
  public static IngestServiceFutureStub newFutureStub(
      io.grpc.Channel channel) {
    io.grpc.stub.AbstractStub.StubFactory<IngestServiceFutureStub> factory =
      new io.grpc.stub.AbstractStub.StubFactory<IngestServiceFutureStub>() {
        @java.lang.Override
        public IngestServiceFutureStub newStub(io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
          return new IngestServiceFutureStub(channel, callOptions);
        }
      };
    return IngestServiceFutureStub.newStub(factory, channel);
  }

  /**
   * <pre>
   * Embeds and writes items by the million.
   * </pre>
   */
  public static abstract class IngestServiceImplBase implements io.grpc.BindableService {

    /**
     * <pre>
     * Embeds and writes a stream of items, and keeps reporting what is safely stored.
     * 1. The client sends IngestStart; the server answers IngestStarted.
     * 2. The client sends IngestBatch with seq committed_seq + 1, + 2, …, as long as it has credit.
     * 3. Credit is permission to send, in batches and bytes; it says nothing about what is written.
     * 4. IngestAck is cumulative: every batch up to committed_seq is in the store, or its items are
     *    listed in errors. An acknowledgement with errors is sent at once; those without are about
     *    100 ms apart.
     * 5. A bad item never ends the stream. These do: no start or a second one (FAILED_PRECONDITION),
     *    a gap in seq (OUT_OF_RANGE), more in flight than the credit allows (RESOURCE_EXHAUSTED), an
     *    empty or too long batch (INVALID_ARGUMENT), a store that does not answer (UNAVAILABLE) or is
     *    full (RESOURCE_EXHAUSTED with RetryInfo), a model that runs out of memory (RESOURCE_EXHAUSTED
     *    with RetryInfo) or fails (INTERNAL).
     * 6. The client half-closes; the server acknowledges the rest, sends IngestSummary and ends OK.
     * 7. After an interruption the client opens a new stream with the same session_id, on any server
     *    of the same store, says what it has read, and continues after the committed_seq in the
     *    server's answer. Batches up to it are ignored, and their credit is returned. Whatever was
     *    written but not acknowledged is sent again: upsert writes it once more, harmlessly; in the
     *    other modes the server recognizes its own items and counts them as written.
     * 8. A batch may carry a bookmark: the client's own note of where in its items the batch ends.
     *    IngestStarted returns the bookmark of the last safe batch, so that a new process can tell
     *    where the previous one stopped.
     * 9. IngestSummary ends the session: a start with the same session_id and read_seq 0 begins a new
     *    one. In modes other than upsert, the new session takes an item that the ended one wrote under
     *    the same id, at the same place of the same batch, for its own (rule 7), since the client may
     *    have missed the summary: nothing is written, and the item counts as written. So use a
     *    different session_id for a different list of items.
     * 10. A server that shuts down sends IngestDraining, finishes and acknowledges what it has, and
     *     ends the stream with UNAVAILABLE.
     * 11. It also ends a stream with UNAVAILABLE, reason STREAM_IDLE, if for five minutes (or as
     *     configured) no batch arrived in full, or the client did not read its messages.
     * A client that does not read its acknowledgements is granted no more credit.
     * </pre>
     */
    public io.grpc.stub.StreamObserver<io.github.tihua.v1.IngestRequest> ingest(
        io.grpc.stub.StreamObserver<io.github.tihua.v1.IngestResponse> responseObserver) {
      return io.grpc.stub.ServerCalls.asyncUnimplementedStreamingCall(getIngestMethod(), responseObserver);
    }

    @java.lang.Override public final io.grpc.ServerServiceDefinition bindService() {
      return io.grpc.ServerServiceDefinition.builder(getServiceDescriptor())
          .addMethod(
            getIngestMethod(),
            io.grpc.stub.ServerCalls.asyncBidiStreamingCall(
              new MethodHandlers<
                io.github.tihua.v1.IngestRequest,
                io.github.tihua.v1.IngestResponse>(
                  this, METHODID_INGEST)))
          .build();
    }
  }

  /**
   * <pre>
   * Embeds and writes items by the million.
   * </pre>
   */
  public static final class IngestServiceStub extends io.grpc.stub.AbstractAsyncStub<IngestServiceStub> {
    private IngestServiceStub(
        io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
      super(channel, callOptions);
    }

    @java.lang.Override
    protected IngestServiceStub build(
        io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
      return new IngestServiceStub(channel, callOptions);
    }

    /**
     * <pre>
     * Embeds and writes a stream of items, and keeps reporting what is safely stored.
     * 1. The client sends IngestStart; the server answers IngestStarted.
     * 2. The client sends IngestBatch with seq committed_seq + 1, + 2, …, as long as it has credit.
     * 3. Credit is permission to send, in batches and bytes; it says nothing about what is written.
     * 4. IngestAck is cumulative: every batch up to committed_seq is in the store, or its items are
     *    listed in errors. An acknowledgement with errors is sent at once; those without are about
     *    100 ms apart.
     * 5. A bad item never ends the stream. These do: no start or a second one (FAILED_PRECONDITION),
     *    a gap in seq (OUT_OF_RANGE), more in flight than the credit allows (RESOURCE_EXHAUSTED), an
     *    empty or too long batch (INVALID_ARGUMENT), a store that does not answer (UNAVAILABLE) or is
     *    full (RESOURCE_EXHAUSTED with RetryInfo), a model that runs out of memory (RESOURCE_EXHAUSTED
     *    with RetryInfo) or fails (INTERNAL).
     * 6. The client half-closes; the server acknowledges the rest, sends IngestSummary and ends OK.
     * 7. After an interruption the client opens a new stream with the same session_id, on any server
     *    of the same store, says what it has read, and continues after the committed_seq in the
     *    server's answer. Batches up to it are ignored, and their credit is returned. Whatever was
     *    written but not acknowledged is sent again: upsert writes it once more, harmlessly; in the
     *    other modes the server recognizes its own items and counts them as written.
     * 8. A batch may carry a bookmark: the client's own note of where in its items the batch ends.
     *    IngestStarted returns the bookmark of the last safe batch, so that a new process can tell
     *    where the previous one stopped.
     * 9. IngestSummary ends the session: a start with the same session_id and read_seq 0 begins a new
     *    one. In modes other than upsert, the new session takes an item that the ended one wrote under
     *    the same id, at the same place of the same batch, for its own (rule 7), since the client may
     *    have missed the summary: nothing is written, and the item counts as written. So use a
     *    different session_id for a different list of items.
     * 10. A server that shuts down sends IngestDraining, finishes and acknowledges what it has, and
     *     ends the stream with UNAVAILABLE.
     * 11. It also ends a stream with UNAVAILABLE, reason STREAM_IDLE, if for five minutes (or as
     *     configured) no batch arrived in full, or the client did not read its messages.
     * A client that does not read its acknowledgements is granted no more credit.
     * </pre>
     */
    public io.grpc.stub.StreamObserver<io.github.tihua.v1.IngestRequest> ingest(
        io.grpc.stub.StreamObserver<io.github.tihua.v1.IngestResponse> responseObserver) {
      return io.grpc.stub.ClientCalls.asyncBidiStreamingCall(
          getChannel().newCall(getIngestMethod(), getCallOptions()), responseObserver);
    }
  }

  /**
   * <pre>
   * Embeds and writes items by the million.
   * </pre>
   */
  public static final class IngestServiceBlockingStub extends io.grpc.stub.AbstractBlockingStub<IngestServiceBlockingStub> {
    private IngestServiceBlockingStub(
        io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
      super(channel, callOptions);
    }

    @java.lang.Override
    protected IngestServiceBlockingStub build(
        io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
      return new IngestServiceBlockingStub(channel, callOptions);
    }
  }

  /**
   * <pre>
   * Embeds and writes items by the million.
   * </pre>
   */
  public static final class IngestServiceFutureStub extends io.grpc.stub.AbstractFutureStub<IngestServiceFutureStub> {
    private IngestServiceFutureStub(
        io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
      super(channel, callOptions);
    }

    @java.lang.Override
    protected IngestServiceFutureStub build(
        io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
      return new IngestServiceFutureStub(channel, callOptions);
    }
  }

  private static final int METHODID_INGEST = 0;

  private static final class MethodHandlers<Req, Resp> implements
      io.grpc.stub.ServerCalls.UnaryMethod<Req, Resp>,
      io.grpc.stub.ServerCalls.ServerStreamingMethod<Req, Resp>,
      io.grpc.stub.ServerCalls.ClientStreamingMethod<Req, Resp>,
      io.grpc.stub.ServerCalls.BidiStreamingMethod<Req, Resp> {
    private final IngestServiceImplBase serviceImpl;
    private final int methodId;

    MethodHandlers(IngestServiceImplBase serviceImpl, int methodId) {
      this.serviceImpl = serviceImpl;
      this.methodId = methodId;
    }

    @java.lang.Override
    @java.lang.SuppressWarnings("unchecked")
    public void invoke(Req request, io.grpc.stub.StreamObserver<Resp> responseObserver) {
      switch (methodId) {
        default:
          throw new AssertionError();
      }
    }

    @java.lang.Override
    @java.lang.SuppressWarnings("unchecked")
    public io.grpc.stub.StreamObserver<Req> invoke(
        io.grpc.stub.StreamObserver<Resp> responseObserver) {
      switch (methodId) {
        case METHODID_INGEST:
          return (io.grpc.stub.StreamObserver<Req>) serviceImpl.ingest(
              (io.grpc.stub.StreamObserver<io.github.tihua.v1.IngestResponse>) responseObserver);
        default:
          throw new AssertionError();
      }
    }
  }

  private static abstract class IngestServiceBaseDescriptorSupplier
      implements io.grpc.protobuf.ProtoFileDescriptorSupplier, io.grpc.protobuf.ProtoServiceDescriptorSupplier {
    IngestServiceBaseDescriptorSupplier() {}

    @java.lang.Override
    public com.google.protobuf.Descriptors.FileDescriptor getFileDescriptor() {
      return io.github.tihua.v1.IngestServiceOuterClass.getDescriptor();
    }

    @java.lang.Override
    public com.google.protobuf.Descriptors.ServiceDescriptor getServiceDescriptor() {
      return getFileDescriptor().findServiceByName("IngestService");
    }
  }

  private static final class IngestServiceFileDescriptorSupplier
      extends IngestServiceBaseDescriptorSupplier {
    IngestServiceFileDescriptorSupplier() {}
  }

  private static final class IngestServiceMethodDescriptorSupplier
      extends IngestServiceBaseDescriptorSupplier
      implements io.grpc.protobuf.ProtoMethodDescriptorSupplier {
    private final String methodName;

    IngestServiceMethodDescriptorSupplier(String methodName) {
      this.methodName = methodName;
    }

    @java.lang.Override
    public com.google.protobuf.Descriptors.MethodDescriptor getMethodDescriptor() {
      return getServiceDescriptor().findMethodByName(methodName);
    }
  }

  private static volatile io.grpc.ServiceDescriptor serviceDescriptor;

  public static io.grpc.ServiceDescriptor getServiceDescriptor() {
    io.grpc.ServiceDescriptor result = serviceDescriptor;
    if (result == null) {
      synchronized (IngestServiceGrpc.class) {
        result = serviceDescriptor;
        if (result == null) {
          serviceDescriptor = result = io.grpc.ServiceDescriptor.newBuilder(SERVICE_NAME)
              .setSchemaDescriptor(new IngestServiceFileDescriptorSupplier())
              .addMethod(getIngestMethod())
              .build();
        }
      }
    }
    return result;
  }
}
