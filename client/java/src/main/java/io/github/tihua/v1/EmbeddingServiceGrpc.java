package io.github.tihua.v1;

import static io.grpc.MethodDescriptor.generateFullMethodName;

/**
 * <pre>
 * Turns texts and pictures into embeddings in one space, so that a text can be compared with a
 * picture. Stateless; every call is safe to repeat.
 * </pre>
 */
@javax.annotation.Generated(
    value = "by gRPC proto compiler",
    comments = "Source: tihua/v1/embedding_service.proto")
@io.grpc.stub.annotations.GrpcGenerated
public final class EmbeddingServiceGrpc {

  private EmbeddingServiceGrpc() {}

  public static final String SERVICE_NAME = "tihua.v1.EmbeddingService";

  // Static method descriptors that strictly reflect the proto.
  private static volatile io.grpc.MethodDescriptor<io.github.tihua.v1.EmbedTextRequest,
      io.github.tihua.v1.EmbedTextResponse> getEmbedTextMethod;

  @io.grpc.stub.annotations.RpcMethod(
      fullMethodName = SERVICE_NAME + '/' + "EmbedText",
      requestType = io.github.tihua.v1.EmbedTextRequest.class,
      responseType = io.github.tihua.v1.EmbedTextResponse.class,
      methodType = io.grpc.MethodDescriptor.MethodType.UNARY)
  public static io.grpc.MethodDescriptor<io.github.tihua.v1.EmbedTextRequest,
      io.github.tihua.v1.EmbedTextResponse> getEmbedTextMethod() {
    io.grpc.MethodDescriptor<io.github.tihua.v1.EmbedTextRequest, io.github.tihua.v1.EmbedTextResponse> getEmbedTextMethod;
    if ((getEmbedTextMethod = EmbeddingServiceGrpc.getEmbedTextMethod) == null) {
      synchronized (EmbeddingServiceGrpc.class) {
        if ((getEmbedTextMethod = EmbeddingServiceGrpc.getEmbedTextMethod) == null) {
          EmbeddingServiceGrpc.getEmbedTextMethod = getEmbedTextMethod =
              io.grpc.MethodDescriptor.<io.github.tihua.v1.EmbedTextRequest, io.github.tihua.v1.EmbedTextResponse>newBuilder()
              .setType(io.grpc.MethodDescriptor.MethodType.UNARY)
              .setFullMethodName(generateFullMethodName(SERVICE_NAME, "EmbedText"))
              .setSafe(true)
              .setSampledToLocalTracing(true)
              .setRequestMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  io.github.tihua.v1.EmbedTextRequest.getDefaultInstance()))
              .setResponseMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  io.github.tihua.v1.EmbedTextResponse.getDefaultInstance()))
              .setSchemaDescriptor(new EmbeddingServiceMethodDescriptorSupplier("EmbedText"))
              .build();
        }
      }
    }
    return getEmbedTextMethod;
  }

  private static volatile io.grpc.MethodDescriptor<io.github.tihua.v1.EmbedImageRequest,
      io.github.tihua.v1.EmbedImageResponse> getEmbedImageMethod;

  @io.grpc.stub.annotations.RpcMethod(
      fullMethodName = SERVICE_NAME + '/' + "EmbedImage",
      requestType = io.github.tihua.v1.EmbedImageRequest.class,
      responseType = io.github.tihua.v1.EmbedImageResponse.class,
      methodType = io.grpc.MethodDescriptor.MethodType.UNARY)
  public static io.grpc.MethodDescriptor<io.github.tihua.v1.EmbedImageRequest,
      io.github.tihua.v1.EmbedImageResponse> getEmbedImageMethod() {
    io.grpc.MethodDescriptor<io.github.tihua.v1.EmbedImageRequest, io.github.tihua.v1.EmbedImageResponse> getEmbedImageMethod;
    if ((getEmbedImageMethod = EmbeddingServiceGrpc.getEmbedImageMethod) == null) {
      synchronized (EmbeddingServiceGrpc.class) {
        if ((getEmbedImageMethod = EmbeddingServiceGrpc.getEmbedImageMethod) == null) {
          EmbeddingServiceGrpc.getEmbedImageMethod = getEmbedImageMethod =
              io.grpc.MethodDescriptor.<io.github.tihua.v1.EmbedImageRequest, io.github.tihua.v1.EmbedImageResponse>newBuilder()
              .setType(io.grpc.MethodDescriptor.MethodType.UNARY)
              .setFullMethodName(generateFullMethodName(SERVICE_NAME, "EmbedImage"))
              .setSafe(true)
              .setSampledToLocalTracing(true)
              .setRequestMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  io.github.tihua.v1.EmbedImageRequest.getDefaultInstance()))
              .setResponseMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  io.github.tihua.v1.EmbedImageResponse.getDefaultInstance()))
              .setSchemaDescriptor(new EmbeddingServiceMethodDescriptorSupplier("EmbedImage"))
              .build();
        }
      }
    }
    return getEmbedImageMethod;
  }

  /**
   * Creates a new async stub that supports all call types for the service
   */
  public static EmbeddingServiceStub newStub(io.grpc.Channel channel) {
    io.grpc.stub.AbstractStub.StubFactory<EmbeddingServiceStub> factory =
      new io.grpc.stub.AbstractStub.StubFactory<EmbeddingServiceStub>() {
        @java.lang.Override
        public EmbeddingServiceStub newStub(io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
          return new EmbeddingServiceStub(channel, callOptions);
        }
      };
    return EmbeddingServiceStub.newStub(factory, channel);
  }

  /**
   * Creates a new blocking-style stub that supports unary and streaming output calls on the service
   */
  public static EmbeddingServiceBlockingStub newBlockingStub(
      io.grpc.Channel channel) {
    io.grpc.stub.AbstractStub.StubFactory<EmbeddingServiceBlockingStub> factory =
      new io.grpc.stub.AbstractStub.StubFactory<EmbeddingServiceBlockingStub>() {
        @java.lang.Override
        public EmbeddingServiceBlockingStub newStub(io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
          return new EmbeddingServiceBlockingStub(channel, callOptions);
        }
      };
    return EmbeddingServiceBlockingStub.newStub(factory, channel);
  }

  /**
   * Creates a new ListenableFuture-style stub that supports unary calls on the service
   */
  public static EmbeddingServiceFutureStub newFutureStub(
      io.grpc.Channel channel) {
    io.grpc.stub.AbstractStub.StubFactory<EmbeddingServiceFutureStub> factory =
      new io.grpc.stub.AbstractStub.StubFactory<EmbeddingServiceFutureStub>() {
        @java.lang.Override
        public EmbeddingServiceFutureStub newStub(io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
          return new EmbeddingServiceFutureStub(channel, callOptions);
        }
      };
    return EmbeddingServiceFutureStub.newStub(factory, channel);
  }

  /**
   * <pre>
   * Turns texts and pictures into embeddings in one space, so that a text can be compared with a
   * picture. Stateless; every call is safe to repeat.
   * </pre>
   */
  public static abstract class EmbeddingServiceImplBase implements io.grpc.BindableService {

    /**
     * <pre>
     * Embeds texts. A text that can't be embedded is reported in `errors`, and the others are
     * embedded; the call fails only if the request as a whole is wrong or the server can't take it.
     * </pre>
     */
    public void embedText(io.github.tihua.v1.EmbedTextRequest request,
        io.grpc.stub.StreamObserver<io.github.tihua.v1.EmbedTextResponse> responseObserver) {
      io.grpc.stub.ServerCalls.asyncUnimplementedUnaryCall(getEmbedTextMethod(), responseObserver);
    }

    /**
     * <pre>
     * Embeds pictures. A picture that can't be embedded is reported in `errors`, and the others are
     * embedded; the call fails only if the request as a whole is wrong or the server can't take it.
     * </pre>
     */
    public void embedImage(io.github.tihua.v1.EmbedImageRequest request,
        io.grpc.stub.StreamObserver<io.github.tihua.v1.EmbedImageResponse> responseObserver) {
      io.grpc.stub.ServerCalls.asyncUnimplementedUnaryCall(getEmbedImageMethod(), responseObserver);
    }

    @java.lang.Override public final io.grpc.ServerServiceDefinition bindService() {
      return io.grpc.ServerServiceDefinition.builder(getServiceDescriptor())
          .addMethod(
            getEmbedTextMethod(),
            io.grpc.stub.ServerCalls.asyncUnaryCall(
              new MethodHandlers<
                io.github.tihua.v1.EmbedTextRequest,
                io.github.tihua.v1.EmbedTextResponse>(
                  this, METHODID_EMBED_TEXT)))
          .addMethod(
            getEmbedImageMethod(),
            io.grpc.stub.ServerCalls.asyncUnaryCall(
              new MethodHandlers<
                io.github.tihua.v1.EmbedImageRequest,
                io.github.tihua.v1.EmbedImageResponse>(
                  this, METHODID_EMBED_IMAGE)))
          .build();
    }
  }

  /**
   * <pre>
   * Turns texts and pictures into embeddings in one space, so that a text can be compared with a
   * picture. Stateless; every call is safe to repeat.
   * </pre>
   */
  public static final class EmbeddingServiceStub extends io.grpc.stub.AbstractAsyncStub<EmbeddingServiceStub> {
    private EmbeddingServiceStub(
        io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
      super(channel, callOptions);
    }

    @java.lang.Override
    protected EmbeddingServiceStub build(
        io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
      return new EmbeddingServiceStub(channel, callOptions);
    }

    /**
     * <pre>
     * Embeds texts. A text that can't be embedded is reported in `errors`, and the others are
     * embedded; the call fails only if the request as a whole is wrong or the server can't take it.
     * </pre>
     */
    public void embedText(io.github.tihua.v1.EmbedTextRequest request,
        io.grpc.stub.StreamObserver<io.github.tihua.v1.EmbedTextResponse> responseObserver) {
      io.grpc.stub.ClientCalls.asyncUnaryCall(
          getChannel().newCall(getEmbedTextMethod(), getCallOptions()), request, responseObserver);
    }

    /**
     * <pre>
     * Embeds pictures. A picture that can't be embedded is reported in `errors`, and the others are
     * embedded; the call fails only if the request as a whole is wrong or the server can't take it.
     * </pre>
     */
    public void embedImage(io.github.tihua.v1.EmbedImageRequest request,
        io.grpc.stub.StreamObserver<io.github.tihua.v1.EmbedImageResponse> responseObserver) {
      io.grpc.stub.ClientCalls.asyncUnaryCall(
          getChannel().newCall(getEmbedImageMethod(), getCallOptions()), request, responseObserver);
    }
  }

  /**
   * <pre>
   * Turns texts and pictures into embeddings in one space, so that a text can be compared with a
   * picture. Stateless; every call is safe to repeat.
   * </pre>
   */
  public static final class EmbeddingServiceBlockingStub extends io.grpc.stub.AbstractBlockingStub<EmbeddingServiceBlockingStub> {
    private EmbeddingServiceBlockingStub(
        io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
      super(channel, callOptions);
    }

    @java.lang.Override
    protected EmbeddingServiceBlockingStub build(
        io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
      return new EmbeddingServiceBlockingStub(channel, callOptions);
    }

    /**
     * <pre>
     * Embeds texts. A text that can't be embedded is reported in `errors`, and the others are
     * embedded; the call fails only if the request as a whole is wrong or the server can't take it.
     * </pre>
     */
    public io.github.tihua.v1.EmbedTextResponse embedText(io.github.tihua.v1.EmbedTextRequest request) {
      return io.grpc.stub.ClientCalls.blockingUnaryCall(
          getChannel(), getEmbedTextMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * Embeds pictures. A picture that can't be embedded is reported in `errors`, and the others are
     * embedded; the call fails only if the request as a whole is wrong or the server can't take it.
     * </pre>
     */
    public io.github.tihua.v1.EmbedImageResponse embedImage(io.github.tihua.v1.EmbedImageRequest request) {
      return io.grpc.stub.ClientCalls.blockingUnaryCall(
          getChannel(), getEmbedImageMethod(), getCallOptions(), request);
    }
  }

  /**
   * <pre>
   * Turns texts and pictures into embeddings in one space, so that a text can be compared with a
   * picture. Stateless; every call is safe to repeat.
   * </pre>
   */
  public static final class EmbeddingServiceFutureStub extends io.grpc.stub.AbstractFutureStub<EmbeddingServiceFutureStub> {
    private EmbeddingServiceFutureStub(
        io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
      super(channel, callOptions);
    }

    @java.lang.Override
    protected EmbeddingServiceFutureStub build(
        io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
      return new EmbeddingServiceFutureStub(channel, callOptions);
    }

    /**
     * <pre>
     * Embeds texts. A text that can't be embedded is reported in `errors`, and the others are
     * embedded; the call fails only if the request as a whole is wrong or the server can't take it.
     * </pre>
     */
    public com.google.common.util.concurrent.ListenableFuture<io.github.tihua.v1.EmbedTextResponse> embedText(
        io.github.tihua.v1.EmbedTextRequest request) {
      return io.grpc.stub.ClientCalls.futureUnaryCall(
          getChannel().newCall(getEmbedTextMethod(), getCallOptions()), request);
    }

    /**
     * <pre>
     * Embeds pictures. A picture that can't be embedded is reported in `errors`, and the others are
     * embedded; the call fails only if the request as a whole is wrong or the server can't take it.
     * </pre>
     */
    public com.google.common.util.concurrent.ListenableFuture<io.github.tihua.v1.EmbedImageResponse> embedImage(
        io.github.tihua.v1.EmbedImageRequest request) {
      return io.grpc.stub.ClientCalls.futureUnaryCall(
          getChannel().newCall(getEmbedImageMethod(), getCallOptions()), request);
    }
  }

  private static final int METHODID_EMBED_TEXT = 0;
  private static final int METHODID_EMBED_IMAGE = 1;

  private static final class MethodHandlers<Req, Resp> implements
      io.grpc.stub.ServerCalls.UnaryMethod<Req, Resp>,
      io.grpc.stub.ServerCalls.ServerStreamingMethod<Req, Resp>,
      io.grpc.stub.ServerCalls.ClientStreamingMethod<Req, Resp>,
      io.grpc.stub.ServerCalls.BidiStreamingMethod<Req, Resp> {
    private final EmbeddingServiceImplBase serviceImpl;
    private final int methodId;

    MethodHandlers(EmbeddingServiceImplBase serviceImpl, int methodId) {
      this.serviceImpl = serviceImpl;
      this.methodId = methodId;
    }

    @java.lang.Override
    @java.lang.SuppressWarnings("unchecked")
    public void invoke(Req request, io.grpc.stub.StreamObserver<Resp> responseObserver) {
      switch (methodId) {
        case METHODID_EMBED_TEXT:
          serviceImpl.embedText((io.github.tihua.v1.EmbedTextRequest) request,
              (io.grpc.stub.StreamObserver<io.github.tihua.v1.EmbedTextResponse>) responseObserver);
          break;
        case METHODID_EMBED_IMAGE:
          serviceImpl.embedImage((io.github.tihua.v1.EmbedImageRequest) request,
              (io.grpc.stub.StreamObserver<io.github.tihua.v1.EmbedImageResponse>) responseObserver);
          break;
        default:
          throw new AssertionError();
      }
    }

    @java.lang.Override
    @java.lang.SuppressWarnings("unchecked")
    public io.grpc.stub.StreamObserver<Req> invoke(
        io.grpc.stub.StreamObserver<Resp> responseObserver) {
      switch (methodId) {
        default:
          throw new AssertionError();
      }
    }
  }

  private static abstract class EmbeddingServiceBaseDescriptorSupplier
      implements io.grpc.protobuf.ProtoFileDescriptorSupplier, io.grpc.protobuf.ProtoServiceDescriptorSupplier {
    EmbeddingServiceBaseDescriptorSupplier() {}

    @java.lang.Override
    public com.google.protobuf.Descriptors.FileDescriptor getFileDescriptor() {
      return io.github.tihua.v1.EmbeddingServiceOuterClass.getDescriptor();
    }

    @java.lang.Override
    public com.google.protobuf.Descriptors.ServiceDescriptor getServiceDescriptor() {
      return getFileDescriptor().findServiceByName("EmbeddingService");
    }
  }

  private static final class EmbeddingServiceFileDescriptorSupplier
      extends EmbeddingServiceBaseDescriptorSupplier {
    EmbeddingServiceFileDescriptorSupplier() {}
  }

  private static final class EmbeddingServiceMethodDescriptorSupplier
      extends EmbeddingServiceBaseDescriptorSupplier
      implements io.grpc.protobuf.ProtoMethodDescriptorSupplier {
    private final String methodName;

    EmbeddingServiceMethodDescriptorSupplier(String methodName) {
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
      synchronized (EmbeddingServiceGrpc.class) {
        result = serviceDescriptor;
        if (result == null) {
          serviceDescriptor = result = io.grpc.ServiceDescriptor.newBuilder(SERVICE_NAME)
              .setSchemaDescriptor(new EmbeddingServiceFileDescriptorSupplier())
              .addMethod(getEmbedTextMethod())
              .addMethod(getEmbedImageMethod())
              .build();
        }
      }
    }
    return result;
  }
}
