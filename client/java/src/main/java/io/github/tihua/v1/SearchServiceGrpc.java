package io.github.tihua.v1;

import static io.grpc.MethodDescriptor.generateFullMethodName;

/**
 * <pre>
 * Finds the items of a collection that are nearest to a query. Every call is safe to repeat.
 * </pre>
 */
@javax.annotation.Generated(
    value = "by gRPC proto compiler",
    comments = "Source: tihua/v1/search_service.proto")
@io.grpc.stub.annotations.GrpcGenerated
public final class SearchServiceGrpc {

  private SearchServiceGrpc() {}

  public static final String SERVICE_NAME = "tihua.v1.SearchService";

  // Static method descriptors that strictly reflect the proto.
  private static volatile io.grpc.MethodDescriptor<io.github.tihua.v1.SearchRequest,
      io.github.tihua.v1.SearchResponse> getSearchMethod;

  @io.grpc.stub.annotations.RpcMethod(
      fullMethodName = SERVICE_NAME + '/' + "Search",
      requestType = io.github.tihua.v1.SearchRequest.class,
      responseType = io.github.tihua.v1.SearchResponse.class,
      methodType = io.grpc.MethodDescriptor.MethodType.UNARY)
  public static io.grpc.MethodDescriptor<io.github.tihua.v1.SearchRequest,
      io.github.tihua.v1.SearchResponse> getSearchMethod() {
    io.grpc.MethodDescriptor<io.github.tihua.v1.SearchRequest, io.github.tihua.v1.SearchResponse> getSearchMethod;
    if ((getSearchMethod = SearchServiceGrpc.getSearchMethod) == null) {
      synchronized (SearchServiceGrpc.class) {
        if ((getSearchMethod = SearchServiceGrpc.getSearchMethod) == null) {
          SearchServiceGrpc.getSearchMethod = getSearchMethod =
              io.grpc.MethodDescriptor.<io.github.tihua.v1.SearchRequest, io.github.tihua.v1.SearchResponse>newBuilder()
              .setType(io.grpc.MethodDescriptor.MethodType.UNARY)
              .setFullMethodName(generateFullMethodName(SERVICE_NAME, "Search"))
              .setSafe(true)
              .setSampledToLocalTracing(true)
              .setRequestMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  io.github.tihua.v1.SearchRequest.getDefaultInstance()))
              .setResponseMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  io.github.tihua.v1.SearchResponse.getDefaultInstance()))
              .setSchemaDescriptor(new SearchServiceMethodDescriptorSupplier("Search"))
              .build();
        }
      }
    }
    return getSearchMethod;
  }

  private static volatile io.grpc.MethodDescriptor<io.github.tihua.v1.SearchManyRequest,
      io.github.tihua.v1.SearchManyResponse> getSearchManyMethod;

  @io.grpc.stub.annotations.RpcMethod(
      fullMethodName = SERVICE_NAME + '/' + "SearchMany",
      requestType = io.github.tihua.v1.SearchManyRequest.class,
      responseType = io.github.tihua.v1.SearchManyResponse.class,
      methodType = io.grpc.MethodDescriptor.MethodType.UNARY)
  public static io.grpc.MethodDescriptor<io.github.tihua.v1.SearchManyRequest,
      io.github.tihua.v1.SearchManyResponse> getSearchManyMethod() {
    io.grpc.MethodDescriptor<io.github.tihua.v1.SearchManyRequest, io.github.tihua.v1.SearchManyResponse> getSearchManyMethod;
    if ((getSearchManyMethod = SearchServiceGrpc.getSearchManyMethod) == null) {
      synchronized (SearchServiceGrpc.class) {
        if ((getSearchManyMethod = SearchServiceGrpc.getSearchManyMethod) == null) {
          SearchServiceGrpc.getSearchManyMethod = getSearchManyMethod =
              io.grpc.MethodDescriptor.<io.github.tihua.v1.SearchManyRequest, io.github.tihua.v1.SearchManyResponse>newBuilder()
              .setType(io.grpc.MethodDescriptor.MethodType.UNARY)
              .setFullMethodName(generateFullMethodName(SERVICE_NAME, "SearchMany"))
              .setSafe(true)
              .setSampledToLocalTracing(true)
              .setRequestMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  io.github.tihua.v1.SearchManyRequest.getDefaultInstance()))
              .setResponseMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  io.github.tihua.v1.SearchManyResponse.getDefaultInstance()))
              .setSchemaDescriptor(new SearchServiceMethodDescriptorSupplier("SearchMany"))
              .build();
        }
      }
    }
    return getSearchManyMethod;
  }

  /**
   * Creates a new async stub that supports all call types for the service
   */
  public static SearchServiceStub newStub(io.grpc.Channel channel) {
    io.grpc.stub.AbstractStub.StubFactory<SearchServiceStub> factory =
      new io.grpc.stub.AbstractStub.StubFactory<SearchServiceStub>() {
        @java.lang.Override
        public SearchServiceStub newStub(io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
          return new SearchServiceStub(channel, callOptions);
        }
      };
    return SearchServiceStub.newStub(factory, channel);
  }

  /**
   * Creates a new blocking-style stub that supports unary and streaming output calls on the service
   */
  public static SearchServiceBlockingStub newBlockingStub(
      io.grpc.Channel channel) {
    io.grpc.stub.AbstractStub.StubFactory<SearchServiceBlockingStub> factory =
      new io.grpc.stub.AbstractStub.StubFactory<SearchServiceBlockingStub>() {
        @java.lang.Override
        public SearchServiceBlockingStub newStub(io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
          return new SearchServiceBlockingStub(channel, callOptions);
        }
      };
    return SearchServiceBlockingStub.newStub(factory, channel);
  }

  /**
   * Creates a new ListenableFuture-style stub that supports unary calls on the service
   */
  public static SearchServiceFutureStub newFutureStub(
      io.grpc.Channel channel) {
    io.grpc.stub.AbstractStub.StubFactory<SearchServiceFutureStub> factory =
      new io.grpc.stub.AbstractStub.StubFactory<SearchServiceFutureStub>() {
        @java.lang.Override
        public SearchServiceFutureStub newStub(io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
          return new SearchServiceFutureStub(channel, callOptions);
        }
      };
    return SearchServiceFutureStub.newStub(factory, channel);
  }

  /**
   * <pre>
   * Finds the items of a collection that are nearest to a query. Every call is safe to repeat.
   * </pre>
   */
  public static abstract class SearchServiceImplBase implements io.grpc.BindableService {

    /**
     * <pre>
     * Answers one query. Finding nothing is not an error.
     * </pre>
     */
    public void search(io.github.tihua.v1.SearchRequest request,
        io.grpc.stub.StreamObserver<io.github.tihua.v1.SearchResponse> responseObserver) {
      io.grpc.stub.ServerCalls.asyncUnimplementedUnaryCall(getSearchMethod(), responseObserver);
    }

    /**
     * <pre>
     * Answers many queries in one call, embedded together; a query that fails does not affect the
     * others. A name is looked up once per call: all queries by it search one collection, even if an
     * alias is moved meanwhile. Queries that differ only in what they look for are searched together;
     * at most four searches of a call run in the store at one time, so set a deadline that covers all
     * of them.
     * </pre>
     */
    public void searchMany(io.github.tihua.v1.SearchManyRequest request,
        io.grpc.stub.StreamObserver<io.github.tihua.v1.SearchManyResponse> responseObserver) {
      io.grpc.stub.ServerCalls.asyncUnimplementedUnaryCall(getSearchManyMethod(), responseObserver);
    }

    @java.lang.Override public final io.grpc.ServerServiceDefinition bindService() {
      return io.grpc.ServerServiceDefinition.builder(getServiceDescriptor())
          .addMethod(
            getSearchMethod(),
            io.grpc.stub.ServerCalls.asyncUnaryCall(
              new MethodHandlers<
                io.github.tihua.v1.SearchRequest,
                io.github.tihua.v1.SearchResponse>(
                  this, METHODID_SEARCH)))
          .addMethod(
            getSearchManyMethod(),
            io.grpc.stub.ServerCalls.asyncUnaryCall(
              new MethodHandlers<
                io.github.tihua.v1.SearchManyRequest,
                io.github.tihua.v1.SearchManyResponse>(
                  this, METHODID_SEARCH_MANY)))
          .build();
    }
  }

  /**
   * <pre>
   * Finds the items of a collection that are nearest to a query. Every call is safe to repeat.
   * </pre>
   */
  public static final class SearchServiceStub extends io.grpc.stub.AbstractAsyncStub<SearchServiceStub> {
    private SearchServiceStub(
        io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
      super(channel, callOptions);
    }

    @java.lang.Override
    protected SearchServiceStub build(
        io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
      return new SearchServiceStub(channel, callOptions);
    }

    /**
     * <pre>
     * Answers one query. Finding nothing is not an error.
     * </pre>
     */
    public void search(io.github.tihua.v1.SearchRequest request,
        io.grpc.stub.StreamObserver<io.github.tihua.v1.SearchResponse> responseObserver) {
      io.grpc.stub.ClientCalls.asyncUnaryCall(
          getChannel().newCall(getSearchMethod(), getCallOptions()), request, responseObserver);
    }

    /**
     * <pre>
     * Answers many queries in one call, embedded together; a query that fails does not affect the
     * others. A name is looked up once per call: all queries by it search one collection, even if an
     * alias is moved meanwhile. Queries that differ only in what they look for are searched together;
     * at most four searches of a call run in the store at one time, so set a deadline that covers all
     * of them.
     * </pre>
     */
    public void searchMany(io.github.tihua.v1.SearchManyRequest request,
        io.grpc.stub.StreamObserver<io.github.tihua.v1.SearchManyResponse> responseObserver) {
      io.grpc.stub.ClientCalls.asyncUnaryCall(
          getChannel().newCall(getSearchManyMethod(), getCallOptions()), request, responseObserver);
    }
  }

  /**
   * <pre>
   * Finds the items of a collection that are nearest to a query. Every call is safe to repeat.
   * </pre>
   */
  public static final class SearchServiceBlockingStub extends io.grpc.stub.AbstractBlockingStub<SearchServiceBlockingStub> {
    private SearchServiceBlockingStub(
        io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
      super(channel, callOptions);
    }

    @java.lang.Override
    protected SearchServiceBlockingStub build(
        io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
      return new SearchServiceBlockingStub(channel, callOptions);
    }

    /**
     * <pre>
     * Answers one query. Finding nothing is not an error.
     * </pre>
     */
    public io.github.tihua.v1.SearchResponse search(io.github.tihua.v1.SearchRequest request) {
      return io.grpc.stub.ClientCalls.blockingUnaryCall(
          getChannel(), getSearchMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * Answers many queries in one call, embedded together; a query that fails does not affect the
     * others. A name is looked up once per call: all queries by it search one collection, even if an
     * alias is moved meanwhile. Queries that differ only in what they look for are searched together;
     * at most four searches of a call run in the store at one time, so set a deadline that covers all
     * of them.
     * </pre>
     */
    public io.github.tihua.v1.SearchManyResponse searchMany(io.github.tihua.v1.SearchManyRequest request) {
      return io.grpc.stub.ClientCalls.blockingUnaryCall(
          getChannel(), getSearchManyMethod(), getCallOptions(), request);
    }
  }

  /**
   * <pre>
   * Finds the items of a collection that are nearest to a query. Every call is safe to repeat.
   * </pre>
   */
  public static final class SearchServiceFutureStub extends io.grpc.stub.AbstractFutureStub<SearchServiceFutureStub> {
    private SearchServiceFutureStub(
        io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
      super(channel, callOptions);
    }

    @java.lang.Override
    protected SearchServiceFutureStub build(
        io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
      return new SearchServiceFutureStub(channel, callOptions);
    }

    /**
     * <pre>
     * Answers one query. Finding nothing is not an error.
     * </pre>
     */
    public com.google.common.util.concurrent.ListenableFuture<io.github.tihua.v1.SearchResponse> search(
        io.github.tihua.v1.SearchRequest request) {
      return io.grpc.stub.ClientCalls.futureUnaryCall(
          getChannel().newCall(getSearchMethod(), getCallOptions()), request);
    }

    /**
     * <pre>
     * Answers many queries in one call, embedded together; a query that fails does not affect the
     * others. A name is looked up once per call: all queries by it search one collection, even if an
     * alias is moved meanwhile. Queries that differ only in what they look for are searched together;
     * at most four searches of a call run in the store at one time, so set a deadline that covers all
     * of them.
     * </pre>
     */
    public com.google.common.util.concurrent.ListenableFuture<io.github.tihua.v1.SearchManyResponse> searchMany(
        io.github.tihua.v1.SearchManyRequest request) {
      return io.grpc.stub.ClientCalls.futureUnaryCall(
          getChannel().newCall(getSearchManyMethod(), getCallOptions()), request);
    }
  }

  private static final int METHODID_SEARCH = 0;
  private static final int METHODID_SEARCH_MANY = 1;

  private static final class MethodHandlers<Req, Resp> implements
      io.grpc.stub.ServerCalls.UnaryMethod<Req, Resp>,
      io.grpc.stub.ServerCalls.ServerStreamingMethod<Req, Resp>,
      io.grpc.stub.ServerCalls.ClientStreamingMethod<Req, Resp>,
      io.grpc.stub.ServerCalls.BidiStreamingMethod<Req, Resp> {
    private final SearchServiceImplBase serviceImpl;
    private final int methodId;

    MethodHandlers(SearchServiceImplBase serviceImpl, int methodId) {
      this.serviceImpl = serviceImpl;
      this.methodId = methodId;
    }

    @java.lang.Override
    @java.lang.SuppressWarnings("unchecked")
    public void invoke(Req request, io.grpc.stub.StreamObserver<Resp> responseObserver) {
      switch (methodId) {
        case METHODID_SEARCH:
          serviceImpl.search((io.github.tihua.v1.SearchRequest) request,
              (io.grpc.stub.StreamObserver<io.github.tihua.v1.SearchResponse>) responseObserver);
          break;
        case METHODID_SEARCH_MANY:
          serviceImpl.searchMany((io.github.tihua.v1.SearchManyRequest) request,
              (io.grpc.stub.StreamObserver<io.github.tihua.v1.SearchManyResponse>) responseObserver);
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

  private static abstract class SearchServiceBaseDescriptorSupplier
      implements io.grpc.protobuf.ProtoFileDescriptorSupplier, io.grpc.protobuf.ProtoServiceDescriptorSupplier {
    SearchServiceBaseDescriptorSupplier() {}

    @java.lang.Override
    public com.google.protobuf.Descriptors.FileDescriptor getFileDescriptor() {
      return io.github.tihua.v1.SearchServiceOuterClass.getDescriptor();
    }

    @java.lang.Override
    public com.google.protobuf.Descriptors.ServiceDescriptor getServiceDescriptor() {
      return getFileDescriptor().findServiceByName("SearchService");
    }
  }

  private static final class SearchServiceFileDescriptorSupplier
      extends SearchServiceBaseDescriptorSupplier {
    SearchServiceFileDescriptorSupplier() {}
  }

  private static final class SearchServiceMethodDescriptorSupplier
      extends SearchServiceBaseDescriptorSupplier
      implements io.grpc.protobuf.ProtoMethodDescriptorSupplier {
    private final String methodName;

    SearchServiceMethodDescriptorSupplier(String methodName) {
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
      synchronized (SearchServiceGrpc.class) {
        result = serviceDescriptor;
        if (result == null) {
          serviceDescriptor = result = io.grpc.ServiceDescriptor.newBuilder(SERVICE_NAME)
              .setSchemaDescriptor(new SearchServiceFileDescriptorSupplier())
              .addMethod(getSearchMethod())
              .addMethod(getSearchManyMethod())
              .build();
        }
      }
    }
    return result;
  }
}
