package io.github.tihua.v1;

import static io.grpc.MethodDescriptor.generateFullMethodName;

/**
 * <pre>
 * Creates, shows and removes collections; writes, reads, counts and removes small sets of items.
 * For many items use IngestService.
 * Where a request of any service names a collection, an alias of it may be given instead, unless the
 * comment says otherwise. A call resolves an alias once and then uses that collection only, so that
 * its query is embedded by the model of the collection that is searched.
 * </pre>
 */
@javax.annotation.Generated(
    value = "by gRPC proto compiler",
    comments = "Source: tihua/v1/collection_service.proto")
@io.grpc.stub.annotations.GrpcGenerated
public final class CollectionServiceGrpc {

  private CollectionServiceGrpc() {}

  public static final String SERVICE_NAME = "tihua.v1.CollectionService";

  // Static method descriptors that strictly reflect the proto.
  private static volatile io.grpc.MethodDescriptor<io.github.tihua.v1.CreateCollectionRequest,
      io.github.tihua.v1.CreateCollectionResponse> getCreateCollectionMethod;

  @io.grpc.stub.annotations.RpcMethod(
      fullMethodName = SERVICE_NAME + '/' + "CreateCollection",
      requestType = io.github.tihua.v1.CreateCollectionRequest.class,
      responseType = io.github.tihua.v1.CreateCollectionResponse.class,
      methodType = io.grpc.MethodDescriptor.MethodType.UNARY)
  public static io.grpc.MethodDescriptor<io.github.tihua.v1.CreateCollectionRequest,
      io.github.tihua.v1.CreateCollectionResponse> getCreateCollectionMethod() {
    io.grpc.MethodDescriptor<io.github.tihua.v1.CreateCollectionRequest, io.github.tihua.v1.CreateCollectionResponse> getCreateCollectionMethod;
    if ((getCreateCollectionMethod = CollectionServiceGrpc.getCreateCollectionMethod) == null) {
      synchronized (CollectionServiceGrpc.class) {
        if ((getCreateCollectionMethod = CollectionServiceGrpc.getCreateCollectionMethod) == null) {
          CollectionServiceGrpc.getCreateCollectionMethod = getCreateCollectionMethod =
              io.grpc.MethodDescriptor.<io.github.tihua.v1.CreateCollectionRequest, io.github.tihua.v1.CreateCollectionResponse>newBuilder()
              .setType(io.grpc.MethodDescriptor.MethodType.UNARY)
              .setFullMethodName(generateFullMethodName(SERVICE_NAME, "CreateCollection"))
              .setSampledToLocalTracing(true)
              .setRequestMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  io.github.tihua.v1.CreateCollectionRequest.getDefaultInstance()))
              .setResponseMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  io.github.tihua.v1.CreateCollectionResponse.getDefaultInstance()))
              .setSchemaDescriptor(new CollectionServiceMethodDescriptorSupplier("CreateCollection"))
              .build();
        }
      }
    }
    return getCreateCollectionMethod;
  }

  private static volatile io.grpc.MethodDescriptor<io.github.tihua.v1.GetCollectionRequest,
      io.github.tihua.v1.GetCollectionResponse> getGetCollectionMethod;

  @io.grpc.stub.annotations.RpcMethod(
      fullMethodName = SERVICE_NAME + '/' + "GetCollection",
      requestType = io.github.tihua.v1.GetCollectionRequest.class,
      responseType = io.github.tihua.v1.GetCollectionResponse.class,
      methodType = io.grpc.MethodDescriptor.MethodType.UNARY)
  public static io.grpc.MethodDescriptor<io.github.tihua.v1.GetCollectionRequest,
      io.github.tihua.v1.GetCollectionResponse> getGetCollectionMethod() {
    io.grpc.MethodDescriptor<io.github.tihua.v1.GetCollectionRequest, io.github.tihua.v1.GetCollectionResponse> getGetCollectionMethod;
    if ((getGetCollectionMethod = CollectionServiceGrpc.getGetCollectionMethod) == null) {
      synchronized (CollectionServiceGrpc.class) {
        if ((getGetCollectionMethod = CollectionServiceGrpc.getGetCollectionMethod) == null) {
          CollectionServiceGrpc.getGetCollectionMethod = getGetCollectionMethod =
              io.grpc.MethodDescriptor.<io.github.tihua.v1.GetCollectionRequest, io.github.tihua.v1.GetCollectionResponse>newBuilder()
              .setType(io.grpc.MethodDescriptor.MethodType.UNARY)
              .setFullMethodName(generateFullMethodName(SERVICE_NAME, "GetCollection"))
              .setSafe(true)
              .setSampledToLocalTracing(true)
              .setRequestMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  io.github.tihua.v1.GetCollectionRequest.getDefaultInstance()))
              .setResponseMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  io.github.tihua.v1.GetCollectionResponse.getDefaultInstance()))
              .setSchemaDescriptor(new CollectionServiceMethodDescriptorSupplier("GetCollection"))
              .build();
        }
      }
    }
    return getGetCollectionMethod;
  }

  private static volatile io.grpc.MethodDescriptor<io.github.tihua.v1.ListCollectionsRequest,
      io.github.tihua.v1.ListCollectionsResponse> getListCollectionsMethod;

  @io.grpc.stub.annotations.RpcMethod(
      fullMethodName = SERVICE_NAME + '/' + "ListCollections",
      requestType = io.github.tihua.v1.ListCollectionsRequest.class,
      responseType = io.github.tihua.v1.ListCollectionsResponse.class,
      methodType = io.grpc.MethodDescriptor.MethodType.UNARY)
  public static io.grpc.MethodDescriptor<io.github.tihua.v1.ListCollectionsRequest,
      io.github.tihua.v1.ListCollectionsResponse> getListCollectionsMethod() {
    io.grpc.MethodDescriptor<io.github.tihua.v1.ListCollectionsRequest, io.github.tihua.v1.ListCollectionsResponse> getListCollectionsMethod;
    if ((getListCollectionsMethod = CollectionServiceGrpc.getListCollectionsMethod) == null) {
      synchronized (CollectionServiceGrpc.class) {
        if ((getListCollectionsMethod = CollectionServiceGrpc.getListCollectionsMethod) == null) {
          CollectionServiceGrpc.getListCollectionsMethod = getListCollectionsMethod =
              io.grpc.MethodDescriptor.<io.github.tihua.v1.ListCollectionsRequest, io.github.tihua.v1.ListCollectionsResponse>newBuilder()
              .setType(io.grpc.MethodDescriptor.MethodType.UNARY)
              .setFullMethodName(generateFullMethodName(SERVICE_NAME, "ListCollections"))
              .setSafe(true)
              .setSampledToLocalTracing(true)
              .setRequestMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  io.github.tihua.v1.ListCollectionsRequest.getDefaultInstance()))
              .setResponseMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  io.github.tihua.v1.ListCollectionsResponse.getDefaultInstance()))
              .setSchemaDescriptor(new CollectionServiceMethodDescriptorSupplier("ListCollections"))
              .build();
        }
      }
    }
    return getListCollectionsMethod;
  }

  private static volatile io.grpc.MethodDescriptor<io.github.tihua.v1.DeleteCollectionRequest,
      io.github.tihua.v1.DeleteCollectionResponse> getDeleteCollectionMethod;

  @io.grpc.stub.annotations.RpcMethod(
      fullMethodName = SERVICE_NAME + '/' + "DeleteCollection",
      requestType = io.github.tihua.v1.DeleteCollectionRequest.class,
      responseType = io.github.tihua.v1.DeleteCollectionResponse.class,
      methodType = io.grpc.MethodDescriptor.MethodType.UNARY)
  public static io.grpc.MethodDescriptor<io.github.tihua.v1.DeleteCollectionRequest,
      io.github.tihua.v1.DeleteCollectionResponse> getDeleteCollectionMethod() {
    io.grpc.MethodDescriptor<io.github.tihua.v1.DeleteCollectionRequest, io.github.tihua.v1.DeleteCollectionResponse> getDeleteCollectionMethod;
    if ((getDeleteCollectionMethod = CollectionServiceGrpc.getDeleteCollectionMethod) == null) {
      synchronized (CollectionServiceGrpc.class) {
        if ((getDeleteCollectionMethod = CollectionServiceGrpc.getDeleteCollectionMethod) == null) {
          CollectionServiceGrpc.getDeleteCollectionMethod = getDeleteCollectionMethod =
              io.grpc.MethodDescriptor.<io.github.tihua.v1.DeleteCollectionRequest, io.github.tihua.v1.DeleteCollectionResponse>newBuilder()
              .setType(io.grpc.MethodDescriptor.MethodType.UNARY)
              .setFullMethodName(generateFullMethodName(SERVICE_NAME, "DeleteCollection"))
              .setSampledToLocalTracing(true)
              .setRequestMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  io.github.tihua.v1.DeleteCollectionRequest.getDefaultInstance()))
              .setResponseMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  io.github.tihua.v1.DeleteCollectionResponse.getDefaultInstance()))
              .setSchemaDescriptor(new CollectionServiceMethodDescriptorSupplier("DeleteCollection"))
              .build();
        }
      }
    }
    return getDeleteCollectionMethod;
  }

  private static volatile io.grpc.MethodDescriptor<io.github.tihua.v1.RenameCollectionRequest,
      io.github.tihua.v1.RenameCollectionResponse> getRenameCollectionMethod;

  @io.grpc.stub.annotations.RpcMethod(
      fullMethodName = SERVICE_NAME + '/' + "RenameCollection",
      requestType = io.github.tihua.v1.RenameCollectionRequest.class,
      responseType = io.github.tihua.v1.RenameCollectionResponse.class,
      methodType = io.grpc.MethodDescriptor.MethodType.UNARY)
  public static io.grpc.MethodDescriptor<io.github.tihua.v1.RenameCollectionRequest,
      io.github.tihua.v1.RenameCollectionResponse> getRenameCollectionMethod() {
    io.grpc.MethodDescriptor<io.github.tihua.v1.RenameCollectionRequest, io.github.tihua.v1.RenameCollectionResponse> getRenameCollectionMethod;
    if ((getRenameCollectionMethod = CollectionServiceGrpc.getRenameCollectionMethod) == null) {
      synchronized (CollectionServiceGrpc.class) {
        if ((getRenameCollectionMethod = CollectionServiceGrpc.getRenameCollectionMethod) == null) {
          CollectionServiceGrpc.getRenameCollectionMethod = getRenameCollectionMethod =
              io.grpc.MethodDescriptor.<io.github.tihua.v1.RenameCollectionRequest, io.github.tihua.v1.RenameCollectionResponse>newBuilder()
              .setType(io.grpc.MethodDescriptor.MethodType.UNARY)
              .setFullMethodName(generateFullMethodName(SERVICE_NAME, "RenameCollection"))
              .setSampledToLocalTracing(true)
              .setRequestMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  io.github.tihua.v1.RenameCollectionRequest.getDefaultInstance()))
              .setResponseMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  io.github.tihua.v1.RenameCollectionResponse.getDefaultInstance()))
              .setSchemaDescriptor(new CollectionServiceMethodDescriptorSupplier("RenameCollection"))
              .build();
        }
      }
    }
    return getRenameCollectionMethod;
  }

  private static volatile io.grpc.MethodDescriptor<io.github.tihua.v1.SetAliasRequest,
      io.github.tihua.v1.SetAliasResponse> getSetAliasMethod;

  @io.grpc.stub.annotations.RpcMethod(
      fullMethodName = SERVICE_NAME + '/' + "SetAlias",
      requestType = io.github.tihua.v1.SetAliasRequest.class,
      responseType = io.github.tihua.v1.SetAliasResponse.class,
      methodType = io.grpc.MethodDescriptor.MethodType.UNARY)
  public static io.grpc.MethodDescriptor<io.github.tihua.v1.SetAliasRequest,
      io.github.tihua.v1.SetAliasResponse> getSetAliasMethod() {
    io.grpc.MethodDescriptor<io.github.tihua.v1.SetAliasRequest, io.github.tihua.v1.SetAliasResponse> getSetAliasMethod;
    if ((getSetAliasMethod = CollectionServiceGrpc.getSetAliasMethod) == null) {
      synchronized (CollectionServiceGrpc.class) {
        if ((getSetAliasMethod = CollectionServiceGrpc.getSetAliasMethod) == null) {
          CollectionServiceGrpc.getSetAliasMethod = getSetAliasMethod =
              io.grpc.MethodDescriptor.<io.github.tihua.v1.SetAliasRequest, io.github.tihua.v1.SetAliasResponse>newBuilder()
              .setType(io.grpc.MethodDescriptor.MethodType.UNARY)
              .setFullMethodName(generateFullMethodName(SERVICE_NAME, "SetAlias"))
              .setIdempotent(true)
              .setSampledToLocalTracing(true)
              .setRequestMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  io.github.tihua.v1.SetAliasRequest.getDefaultInstance()))
              .setResponseMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  io.github.tihua.v1.SetAliasResponse.getDefaultInstance()))
              .setSchemaDescriptor(new CollectionServiceMethodDescriptorSupplier("SetAlias"))
              .build();
        }
      }
    }
    return getSetAliasMethod;
  }

  private static volatile io.grpc.MethodDescriptor<io.github.tihua.v1.DeleteAliasRequest,
      io.github.tihua.v1.DeleteAliasResponse> getDeleteAliasMethod;

  @io.grpc.stub.annotations.RpcMethod(
      fullMethodName = SERVICE_NAME + '/' + "DeleteAlias",
      requestType = io.github.tihua.v1.DeleteAliasRequest.class,
      responseType = io.github.tihua.v1.DeleteAliasResponse.class,
      methodType = io.grpc.MethodDescriptor.MethodType.UNARY)
  public static io.grpc.MethodDescriptor<io.github.tihua.v1.DeleteAliasRequest,
      io.github.tihua.v1.DeleteAliasResponse> getDeleteAliasMethod() {
    io.grpc.MethodDescriptor<io.github.tihua.v1.DeleteAliasRequest, io.github.tihua.v1.DeleteAliasResponse> getDeleteAliasMethod;
    if ((getDeleteAliasMethod = CollectionServiceGrpc.getDeleteAliasMethod) == null) {
      synchronized (CollectionServiceGrpc.class) {
        if ((getDeleteAliasMethod = CollectionServiceGrpc.getDeleteAliasMethod) == null) {
          CollectionServiceGrpc.getDeleteAliasMethod = getDeleteAliasMethod =
              io.grpc.MethodDescriptor.<io.github.tihua.v1.DeleteAliasRequest, io.github.tihua.v1.DeleteAliasResponse>newBuilder()
              .setType(io.grpc.MethodDescriptor.MethodType.UNARY)
              .setFullMethodName(generateFullMethodName(SERVICE_NAME, "DeleteAlias"))
              .setSampledToLocalTracing(true)
              .setRequestMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  io.github.tihua.v1.DeleteAliasRequest.getDefaultInstance()))
              .setResponseMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  io.github.tihua.v1.DeleteAliasResponse.getDefaultInstance()))
              .setSchemaDescriptor(new CollectionServiceMethodDescriptorSupplier("DeleteAlias"))
              .build();
        }
      }
    }
    return getDeleteAliasMethod;
  }

  private static volatile io.grpc.MethodDescriptor<io.github.tihua.v1.LoadCollectionRequest,
      io.github.tihua.v1.LoadCollectionResponse> getLoadCollectionMethod;

  @io.grpc.stub.annotations.RpcMethod(
      fullMethodName = SERVICE_NAME + '/' + "LoadCollection",
      requestType = io.github.tihua.v1.LoadCollectionRequest.class,
      responseType = io.github.tihua.v1.LoadCollectionResponse.class,
      methodType = io.grpc.MethodDescriptor.MethodType.UNARY)
  public static io.grpc.MethodDescriptor<io.github.tihua.v1.LoadCollectionRequest,
      io.github.tihua.v1.LoadCollectionResponse> getLoadCollectionMethod() {
    io.grpc.MethodDescriptor<io.github.tihua.v1.LoadCollectionRequest, io.github.tihua.v1.LoadCollectionResponse> getLoadCollectionMethod;
    if ((getLoadCollectionMethod = CollectionServiceGrpc.getLoadCollectionMethod) == null) {
      synchronized (CollectionServiceGrpc.class) {
        if ((getLoadCollectionMethod = CollectionServiceGrpc.getLoadCollectionMethod) == null) {
          CollectionServiceGrpc.getLoadCollectionMethod = getLoadCollectionMethod =
              io.grpc.MethodDescriptor.<io.github.tihua.v1.LoadCollectionRequest, io.github.tihua.v1.LoadCollectionResponse>newBuilder()
              .setType(io.grpc.MethodDescriptor.MethodType.UNARY)
              .setFullMethodName(generateFullMethodName(SERVICE_NAME, "LoadCollection"))
              .setIdempotent(true)
              .setSampledToLocalTracing(true)
              .setRequestMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  io.github.tihua.v1.LoadCollectionRequest.getDefaultInstance()))
              .setResponseMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  io.github.tihua.v1.LoadCollectionResponse.getDefaultInstance()))
              .setSchemaDescriptor(new CollectionServiceMethodDescriptorSupplier("LoadCollection"))
              .build();
        }
      }
    }
    return getLoadCollectionMethod;
  }

  private static volatile io.grpc.MethodDescriptor<io.github.tihua.v1.BuildIndexRequest,
      io.github.tihua.v1.BuildIndexResponse> getBuildIndexMethod;

  @io.grpc.stub.annotations.RpcMethod(
      fullMethodName = SERVICE_NAME + '/' + "BuildIndex",
      requestType = io.github.tihua.v1.BuildIndexRequest.class,
      responseType = io.github.tihua.v1.BuildIndexResponse.class,
      methodType = io.grpc.MethodDescriptor.MethodType.UNARY)
  public static io.grpc.MethodDescriptor<io.github.tihua.v1.BuildIndexRequest,
      io.github.tihua.v1.BuildIndexResponse> getBuildIndexMethod() {
    io.grpc.MethodDescriptor<io.github.tihua.v1.BuildIndexRequest, io.github.tihua.v1.BuildIndexResponse> getBuildIndexMethod;
    if ((getBuildIndexMethod = CollectionServiceGrpc.getBuildIndexMethod) == null) {
      synchronized (CollectionServiceGrpc.class) {
        if ((getBuildIndexMethod = CollectionServiceGrpc.getBuildIndexMethod) == null) {
          CollectionServiceGrpc.getBuildIndexMethod = getBuildIndexMethod =
              io.grpc.MethodDescriptor.<io.github.tihua.v1.BuildIndexRequest, io.github.tihua.v1.BuildIndexResponse>newBuilder()
              .setType(io.grpc.MethodDescriptor.MethodType.UNARY)
              .setFullMethodName(generateFullMethodName(SERVICE_NAME, "BuildIndex"))
              .setIdempotent(true)
              .setSampledToLocalTracing(true)
              .setRequestMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  io.github.tihua.v1.BuildIndexRequest.getDefaultInstance()))
              .setResponseMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  io.github.tihua.v1.BuildIndexResponse.getDefaultInstance()))
              .setSchemaDescriptor(new CollectionServiceMethodDescriptorSupplier("BuildIndex"))
              .build();
        }
      }
    }
    return getBuildIndexMethod;
  }

  private static volatile io.grpc.MethodDescriptor<io.github.tihua.v1.ReleaseCollectionRequest,
      io.github.tihua.v1.ReleaseCollectionResponse> getReleaseCollectionMethod;

  @io.grpc.stub.annotations.RpcMethod(
      fullMethodName = SERVICE_NAME + '/' + "ReleaseCollection",
      requestType = io.github.tihua.v1.ReleaseCollectionRequest.class,
      responseType = io.github.tihua.v1.ReleaseCollectionResponse.class,
      methodType = io.grpc.MethodDescriptor.MethodType.UNARY)
  public static io.grpc.MethodDescriptor<io.github.tihua.v1.ReleaseCollectionRequest,
      io.github.tihua.v1.ReleaseCollectionResponse> getReleaseCollectionMethod() {
    io.grpc.MethodDescriptor<io.github.tihua.v1.ReleaseCollectionRequest, io.github.tihua.v1.ReleaseCollectionResponse> getReleaseCollectionMethod;
    if ((getReleaseCollectionMethod = CollectionServiceGrpc.getReleaseCollectionMethod) == null) {
      synchronized (CollectionServiceGrpc.class) {
        if ((getReleaseCollectionMethod = CollectionServiceGrpc.getReleaseCollectionMethod) == null) {
          CollectionServiceGrpc.getReleaseCollectionMethod = getReleaseCollectionMethod =
              io.grpc.MethodDescriptor.<io.github.tihua.v1.ReleaseCollectionRequest, io.github.tihua.v1.ReleaseCollectionResponse>newBuilder()
              .setType(io.grpc.MethodDescriptor.MethodType.UNARY)
              .setFullMethodName(generateFullMethodName(SERVICE_NAME, "ReleaseCollection"))
              .setIdempotent(true)
              .setSampledToLocalTracing(true)
              .setRequestMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  io.github.tihua.v1.ReleaseCollectionRequest.getDefaultInstance()))
              .setResponseMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  io.github.tihua.v1.ReleaseCollectionResponse.getDefaultInstance()))
              .setSchemaDescriptor(new CollectionServiceMethodDescriptorSupplier("ReleaseCollection"))
              .build();
        }
      }
    }
    return getReleaseCollectionMethod;
  }

  private static volatile io.grpc.MethodDescriptor<io.github.tihua.v1.UpsertItemsRequest,
      io.github.tihua.v1.UpsertItemsResponse> getUpsertItemsMethod;

  @io.grpc.stub.annotations.RpcMethod(
      fullMethodName = SERVICE_NAME + '/' + "UpsertItems",
      requestType = io.github.tihua.v1.UpsertItemsRequest.class,
      responseType = io.github.tihua.v1.UpsertItemsResponse.class,
      methodType = io.grpc.MethodDescriptor.MethodType.UNARY)
  public static io.grpc.MethodDescriptor<io.github.tihua.v1.UpsertItemsRequest,
      io.github.tihua.v1.UpsertItemsResponse> getUpsertItemsMethod() {
    io.grpc.MethodDescriptor<io.github.tihua.v1.UpsertItemsRequest, io.github.tihua.v1.UpsertItemsResponse> getUpsertItemsMethod;
    if ((getUpsertItemsMethod = CollectionServiceGrpc.getUpsertItemsMethod) == null) {
      synchronized (CollectionServiceGrpc.class) {
        if ((getUpsertItemsMethod = CollectionServiceGrpc.getUpsertItemsMethod) == null) {
          CollectionServiceGrpc.getUpsertItemsMethod = getUpsertItemsMethod =
              io.grpc.MethodDescriptor.<io.github.tihua.v1.UpsertItemsRequest, io.github.tihua.v1.UpsertItemsResponse>newBuilder()
              .setType(io.grpc.MethodDescriptor.MethodType.UNARY)
              .setFullMethodName(generateFullMethodName(SERVICE_NAME, "UpsertItems"))
              .setIdempotent(true)
              .setSampledToLocalTracing(true)
              .setRequestMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  io.github.tihua.v1.UpsertItemsRequest.getDefaultInstance()))
              .setResponseMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  io.github.tihua.v1.UpsertItemsResponse.getDefaultInstance()))
              .setSchemaDescriptor(new CollectionServiceMethodDescriptorSupplier("UpsertItems"))
              .build();
        }
      }
    }
    return getUpsertItemsMethod;
  }

  private static volatile io.grpc.MethodDescriptor<io.github.tihua.v1.GetItemsRequest,
      io.github.tihua.v1.GetItemsResponse> getGetItemsMethod;

  @io.grpc.stub.annotations.RpcMethod(
      fullMethodName = SERVICE_NAME + '/' + "GetItems",
      requestType = io.github.tihua.v1.GetItemsRequest.class,
      responseType = io.github.tihua.v1.GetItemsResponse.class,
      methodType = io.grpc.MethodDescriptor.MethodType.UNARY)
  public static io.grpc.MethodDescriptor<io.github.tihua.v1.GetItemsRequest,
      io.github.tihua.v1.GetItemsResponse> getGetItemsMethod() {
    io.grpc.MethodDescriptor<io.github.tihua.v1.GetItemsRequest, io.github.tihua.v1.GetItemsResponse> getGetItemsMethod;
    if ((getGetItemsMethod = CollectionServiceGrpc.getGetItemsMethod) == null) {
      synchronized (CollectionServiceGrpc.class) {
        if ((getGetItemsMethod = CollectionServiceGrpc.getGetItemsMethod) == null) {
          CollectionServiceGrpc.getGetItemsMethod = getGetItemsMethod =
              io.grpc.MethodDescriptor.<io.github.tihua.v1.GetItemsRequest, io.github.tihua.v1.GetItemsResponse>newBuilder()
              .setType(io.grpc.MethodDescriptor.MethodType.UNARY)
              .setFullMethodName(generateFullMethodName(SERVICE_NAME, "GetItems"))
              .setSafe(true)
              .setSampledToLocalTracing(true)
              .setRequestMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  io.github.tihua.v1.GetItemsRequest.getDefaultInstance()))
              .setResponseMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  io.github.tihua.v1.GetItemsResponse.getDefaultInstance()))
              .setSchemaDescriptor(new CollectionServiceMethodDescriptorSupplier("GetItems"))
              .build();
        }
      }
    }
    return getGetItemsMethod;
  }

  private static volatile io.grpc.MethodDescriptor<io.github.tihua.v1.ListItemsRequest,
      io.github.tihua.v1.ListItemsResponse> getListItemsMethod;

  @io.grpc.stub.annotations.RpcMethod(
      fullMethodName = SERVICE_NAME + '/' + "ListItems",
      requestType = io.github.tihua.v1.ListItemsRequest.class,
      responseType = io.github.tihua.v1.ListItemsResponse.class,
      methodType = io.grpc.MethodDescriptor.MethodType.UNARY)
  public static io.grpc.MethodDescriptor<io.github.tihua.v1.ListItemsRequest,
      io.github.tihua.v1.ListItemsResponse> getListItemsMethod() {
    io.grpc.MethodDescriptor<io.github.tihua.v1.ListItemsRequest, io.github.tihua.v1.ListItemsResponse> getListItemsMethod;
    if ((getListItemsMethod = CollectionServiceGrpc.getListItemsMethod) == null) {
      synchronized (CollectionServiceGrpc.class) {
        if ((getListItemsMethod = CollectionServiceGrpc.getListItemsMethod) == null) {
          CollectionServiceGrpc.getListItemsMethod = getListItemsMethod =
              io.grpc.MethodDescriptor.<io.github.tihua.v1.ListItemsRequest, io.github.tihua.v1.ListItemsResponse>newBuilder()
              .setType(io.grpc.MethodDescriptor.MethodType.UNARY)
              .setFullMethodName(generateFullMethodName(SERVICE_NAME, "ListItems"))
              .setSafe(true)
              .setSampledToLocalTracing(true)
              .setRequestMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  io.github.tihua.v1.ListItemsRequest.getDefaultInstance()))
              .setResponseMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  io.github.tihua.v1.ListItemsResponse.getDefaultInstance()))
              .setSchemaDescriptor(new CollectionServiceMethodDescriptorSupplier("ListItems"))
              .build();
        }
      }
    }
    return getListItemsMethod;
  }

  private static volatile io.grpc.MethodDescriptor<io.github.tihua.v1.CountItemsRequest,
      io.github.tihua.v1.CountItemsResponse> getCountItemsMethod;

  @io.grpc.stub.annotations.RpcMethod(
      fullMethodName = SERVICE_NAME + '/' + "CountItems",
      requestType = io.github.tihua.v1.CountItemsRequest.class,
      responseType = io.github.tihua.v1.CountItemsResponse.class,
      methodType = io.grpc.MethodDescriptor.MethodType.UNARY)
  public static io.grpc.MethodDescriptor<io.github.tihua.v1.CountItemsRequest,
      io.github.tihua.v1.CountItemsResponse> getCountItemsMethod() {
    io.grpc.MethodDescriptor<io.github.tihua.v1.CountItemsRequest, io.github.tihua.v1.CountItemsResponse> getCountItemsMethod;
    if ((getCountItemsMethod = CollectionServiceGrpc.getCountItemsMethod) == null) {
      synchronized (CollectionServiceGrpc.class) {
        if ((getCountItemsMethod = CollectionServiceGrpc.getCountItemsMethod) == null) {
          CollectionServiceGrpc.getCountItemsMethod = getCountItemsMethod =
              io.grpc.MethodDescriptor.<io.github.tihua.v1.CountItemsRequest, io.github.tihua.v1.CountItemsResponse>newBuilder()
              .setType(io.grpc.MethodDescriptor.MethodType.UNARY)
              .setFullMethodName(generateFullMethodName(SERVICE_NAME, "CountItems"))
              .setSafe(true)
              .setSampledToLocalTracing(true)
              .setRequestMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  io.github.tihua.v1.CountItemsRequest.getDefaultInstance()))
              .setResponseMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  io.github.tihua.v1.CountItemsResponse.getDefaultInstance()))
              .setSchemaDescriptor(new CollectionServiceMethodDescriptorSupplier("CountItems"))
              .build();
        }
      }
    }
    return getCountItemsMethod;
  }

  private static volatile io.grpc.MethodDescriptor<io.github.tihua.v1.DeleteItemsRequest,
      io.github.tihua.v1.DeleteItemsResponse> getDeleteItemsMethod;

  @io.grpc.stub.annotations.RpcMethod(
      fullMethodName = SERVICE_NAME + '/' + "DeleteItems",
      requestType = io.github.tihua.v1.DeleteItemsRequest.class,
      responseType = io.github.tihua.v1.DeleteItemsResponse.class,
      methodType = io.grpc.MethodDescriptor.MethodType.UNARY)
  public static io.grpc.MethodDescriptor<io.github.tihua.v1.DeleteItemsRequest,
      io.github.tihua.v1.DeleteItemsResponse> getDeleteItemsMethod() {
    io.grpc.MethodDescriptor<io.github.tihua.v1.DeleteItemsRequest, io.github.tihua.v1.DeleteItemsResponse> getDeleteItemsMethod;
    if ((getDeleteItemsMethod = CollectionServiceGrpc.getDeleteItemsMethod) == null) {
      synchronized (CollectionServiceGrpc.class) {
        if ((getDeleteItemsMethod = CollectionServiceGrpc.getDeleteItemsMethod) == null) {
          CollectionServiceGrpc.getDeleteItemsMethod = getDeleteItemsMethod =
              io.grpc.MethodDescriptor.<io.github.tihua.v1.DeleteItemsRequest, io.github.tihua.v1.DeleteItemsResponse>newBuilder()
              .setType(io.grpc.MethodDescriptor.MethodType.UNARY)
              .setFullMethodName(generateFullMethodName(SERVICE_NAME, "DeleteItems"))
              .setIdempotent(true)
              .setSampledToLocalTracing(true)
              .setRequestMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  io.github.tihua.v1.DeleteItemsRequest.getDefaultInstance()))
              .setResponseMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  io.github.tihua.v1.DeleteItemsResponse.getDefaultInstance()))
              .setSchemaDescriptor(new CollectionServiceMethodDescriptorSupplier("DeleteItems"))
              .build();
        }
      }
    }
    return getDeleteItemsMethod;
  }

  /**
   * Creates a new async stub that supports all call types for the service
   */
  public static CollectionServiceStub newStub(io.grpc.Channel channel) {
    io.grpc.stub.AbstractStub.StubFactory<CollectionServiceStub> factory =
      new io.grpc.stub.AbstractStub.StubFactory<CollectionServiceStub>() {
        @java.lang.Override
        public CollectionServiceStub newStub(io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
          return new CollectionServiceStub(channel, callOptions);
        }
      };
    return CollectionServiceStub.newStub(factory, channel);
  }

  /**
   * Creates a new blocking-style stub that supports unary and streaming output calls on the service
   */
  public static CollectionServiceBlockingStub newBlockingStub(
      io.grpc.Channel channel) {
    io.grpc.stub.AbstractStub.StubFactory<CollectionServiceBlockingStub> factory =
      new io.grpc.stub.AbstractStub.StubFactory<CollectionServiceBlockingStub>() {
        @java.lang.Override
        public CollectionServiceBlockingStub newStub(io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
          return new CollectionServiceBlockingStub(channel, callOptions);
        }
      };
    return CollectionServiceBlockingStub.newStub(factory, channel);
  }

  /**
   * Creates a new ListenableFuture-style stub that supports unary calls on the service
   */
  public static CollectionServiceFutureStub newFutureStub(
      io.grpc.Channel channel) {
    io.grpc.stub.AbstractStub.StubFactory<CollectionServiceFutureStub> factory =
      new io.grpc.stub.AbstractStub.StubFactory<CollectionServiceFutureStub>() {
        @java.lang.Override
        public CollectionServiceFutureStub newStub(io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
          return new CollectionServiceFutureStub(channel, callOptions);
        }
      };
    return CollectionServiceFutureStub.newStub(factory, channel);
  }

  /**
   * <pre>
   * Creates, shows and removes collections; writes, reads, counts and removes small sets of items.
   * For many items use IngestService.
   * Where a request of any service names a collection, an alias of it may be given instead, unless the
   * comment says otherwise. A call resolves an alias once and then uses that collection only, so that
   * its query is embedded by the model of the collection that is searched.
   * </pre>
   */
  public static abstract class CollectionServiceImplBase implements io.grpc.BindableService {

    /**
     * <pre>
     * Creates an empty collection, bound to a model of the server and loaded for searching.
     * ALREADY_EXISTS if the name is taken.
     * </pre>
     */
    public void createCollection(io.github.tihua.v1.CreateCollectionRequest request,
        io.grpc.stub.StreamObserver<io.github.tihua.v1.CreateCollectionResponse> responseObserver) {
      io.grpc.stub.ServerCalls.asyncUnimplementedUnaryCall(getCreateCollectionMethod(), responseObserver);
    }

    /**
     * <pre>
     * Returns one collection, with its exact item count and load state.
     * </pre>
     */
    public void getCollection(io.github.tihua.v1.GetCollectionRequest request,
        io.grpc.stub.StreamObserver<io.github.tihua.v1.GetCollectionResponse> responseObserver) {
      io.grpc.stub.ServerCalls.asyncUnimplementedUnaryCall(getGetCollectionMethod(), responseObserver);
    }

    /**
     * <pre>
     * Returns all collections, sorted by name.
     * </pre>
     */
    public void listCollections(io.github.tihua.v1.ListCollectionsRequest request,
        io.grpc.stub.StreamObserver<io.github.tihua.v1.ListCollectionsResponse> responseObserver) {
      io.grpc.stub.ServerCalls.asyncUnimplementedUnaryCall(getListCollectionsMethod(), responseObserver);
    }

    /**
     * <pre>
     * Removes a collection and all its items, permanently. FAILED_PRECONDITION if it has aliases.
     * </pre>
     */
    public void deleteCollection(io.github.tihua.v1.DeleteCollectionRequest request,
        io.grpc.stub.StreamObserver<io.github.tihua.v1.DeleteCollectionResponse> responseObserver) {
      io.grpc.stub.ServerCalls.asyncUnimplementedUnaryCall(getDeleteCollectionMethod(), responseObserver);
    }

    /**
     * <pre>
     * Renames a collection; its items, its aliases and everything else stay.
     * </pre>
     */
    public void renameCollection(io.github.tihua.v1.RenameCollectionRequest request,
        io.grpc.stub.StreamObserver<io.github.tihua.v1.RenameCollectionResponse> responseObserver) {
      io.grpc.stub.ServerCalls.asyncUnimplementedUnaryCall(getRenameCollectionMethod(), responseObserver);
    }

    /**
     * <pre>
     * Makes an alias, or points it to another collection in one step: every call finds either the old
     * or the new one. Other servers of the same store may still find the old one for a few seconds.
     * An ingest stream or UpsertItems in progress ends with UNAVAILABLE (COLLECTION_MOVED), writes
     * nothing into the wrong collection, and may be sent again at once.
     * </pre>
     */
    public void setAlias(io.github.tihua.v1.SetAliasRequest request,
        io.grpc.stub.StreamObserver<io.github.tihua.v1.SetAliasResponse> responseObserver) {
      io.grpc.stub.ServerCalls.asyncUnimplementedUnaryCall(getSetAliasMethod(), responseObserver);
    }

    /**
     * <pre>
     * Removes an alias; the collection stays.
     * </pre>
     */
    public void deleteAlias(io.github.tihua.v1.DeleteAliasRequest request,
        io.grpc.stub.StreamObserver<io.github.tihua.v1.DeleteAliasResponse> responseObserver) {
      io.grpc.stub.ServerCalls.asyncUnimplementedUnaryCall(getDeleteAliasMethod(), responseObserver);
    }

    /**
     * <pre>
     * Loads a collection into the store's memory, and returns when it can be searched.
     * </pre>
     */
    public void loadCollection(io.github.tihua.v1.LoadCollectionRequest request,
        io.grpc.stub.StreamObserver<io.github.tihua.v1.LoadCollectionResponse> responseObserver) {
      io.grpc.stub.ServerCalls.asyncUnimplementedUnaryCall(getLoadCollectionMethod(), responseObserver);
    }

    /**
     * <pre>
     * Replaces the index of a collection, or rebuilds the existing one, and returns when the
     * collection is loaded with it, after seconds to hours. Items stay. Meanwhile its load state is
     * LOADING: items can be written, but searching, reading and deleting them fails with UNAVAILABLE
     * (COLLECTION_LOADING), which may be retried. The work continues if the caller hangs up. If it
     * takes more than 10 minutes, this call ends with UNAVAILABLE and the store continues;
     * GetCollection shows when it is done. If server or store crash in between, LoadCollection or the
     * same call completes it. To avoid the interruption, create a collection with the other index,
     * copy the items with their embeddings into it, and point an alias to it.
     * </pre>
     */
    public void buildIndex(io.github.tihua.v1.BuildIndexRequest request,
        io.grpc.stub.StreamObserver<io.github.tihua.v1.BuildIndexResponse> responseObserver) {
      io.grpc.stub.ServerCalls.asyncUnimplementedUnaryCall(getBuildIndexMethod(), responseObserver);
    }

    /**
     * <pre>
     * Releases a collection from the store's memory. Its items stay. Until it is loaded again, items
     * can be written, and counted without a filter, but searching, reading and deleting them fails
     * with FAILED_PRECONDITION.
     * </pre>
     */
    public void releaseCollection(io.github.tihua.v1.ReleaseCollectionRequest request,
        io.grpc.stub.StreamObserver<io.github.tihua.v1.ReleaseCollectionResponse> responseObserver) {
      io.grpc.stub.ServerCalls.asyncUnimplementedUnaryCall(getReleaseCollectionMethod(), responseObserver);
    }

    /**
     * <pre>
     * Embeds and writes a small set of items, replacing those with the same ids. An item that fails
     * is reported in `errors`; the others are written.
     * </pre>
     */
    public void upsertItems(io.github.tihua.v1.UpsertItemsRequest request,
        io.grpc.stub.StreamObserver<io.github.tihua.v1.UpsertItemsResponse> responseObserver) {
      io.grpc.stub.ServerCalls.asyncUnimplementedUnaryCall(getUpsertItemsMethod(), responseObserver);
    }

    /**
     * <pre>
     * Returns items by id. Ids that do not exist are listed in the answer; they are not an error.
     * </pre>
     */
    public void getItems(io.github.tihua.v1.GetItemsRequest request,
        io.grpc.stub.StreamObserver<io.github.tihua.v1.GetItemsResponse> responseObserver) {
      io.grpc.stub.ServerCalls.asyncUnimplementedUnaryCall(getGetItemsMethod(), responseObserver);
    }

    /**
     * <pre>
     * Returns the items that match a filter, in pages, sorted by the bytes of their ids.
     * </pre>
     */
    public void listItems(io.github.tihua.v1.ListItemsRequest request,
        io.grpc.stub.StreamObserver<io.github.tihua.v1.ListItemsResponse> responseObserver) {
      io.grpc.stub.ServerCalls.asyncUnimplementedUnaryCall(getListItemsMethod(), responseObserver);
    }

    /**
     * <pre>
     * Returns the exact number of items that match, including everything acknowledged before the call.
     * </pre>
     */
    public void countItems(io.github.tihua.v1.CountItemsRequest request,
        io.grpc.stub.StreamObserver<io.github.tihua.v1.CountItemsResponse> responseObserver) {
      io.grpc.stub.ServerCalls.asyncUnimplementedUnaryCall(getCountItemsMethod(), responseObserver);
    }

    /**
     * <pre>
     * Removes items by ids, or by filter. Removing what does not exist is not an error.
     * </pre>
     */
    public void deleteItems(io.github.tihua.v1.DeleteItemsRequest request,
        io.grpc.stub.StreamObserver<io.github.tihua.v1.DeleteItemsResponse> responseObserver) {
      io.grpc.stub.ServerCalls.asyncUnimplementedUnaryCall(getDeleteItemsMethod(), responseObserver);
    }

    @java.lang.Override public final io.grpc.ServerServiceDefinition bindService() {
      return io.grpc.ServerServiceDefinition.builder(getServiceDescriptor())
          .addMethod(
            getCreateCollectionMethod(),
            io.grpc.stub.ServerCalls.asyncUnaryCall(
              new MethodHandlers<
                io.github.tihua.v1.CreateCollectionRequest,
                io.github.tihua.v1.CreateCollectionResponse>(
                  this, METHODID_CREATE_COLLECTION)))
          .addMethod(
            getGetCollectionMethod(),
            io.grpc.stub.ServerCalls.asyncUnaryCall(
              new MethodHandlers<
                io.github.tihua.v1.GetCollectionRequest,
                io.github.tihua.v1.GetCollectionResponse>(
                  this, METHODID_GET_COLLECTION)))
          .addMethod(
            getListCollectionsMethod(),
            io.grpc.stub.ServerCalls.asyncUnaryCall(
              new MethodHandlers<
                io.github.tihua.v1.ListCollectionsRequest,
                io.github.tihua.v1.ListCollectionsResponse>(
                  this, METHODID_LIST_COLLECTIONS)))
          .addMethod(
            getDeleteCollectionMethod(),
            io.grpc.stub.ServerCalls.asyncUnaryCall(
              new MethodHandlers<
                io.github.tihua.v1.DeleteCollectionRequest,
                io.github.tihua.v1.DeleteCollectionResponse>(
                  this, METHODID_DELETE_COLLECTION)))
          .addMethod(
            getRenameCollectionMethod(),
            io.grpc.stub.ServerCalls.asyncUnaryCall(
              new MethodHandlers<
                io.github.tihua.v1.RenameCollectionRequest,
                io.github.tihua.v1.RenameCollectionResponse>(
                  this, METHODID_RENAME_COLLECTION)))
          .addMethod(
            getSetAliasMethod(),
            io.grpc.stub.ServerCalls.asyncUnaryCall(
              new MethodHandlers<
                io.github.tihua.v1.SetAliasRequest,
                io.github.tihua.v1.SetAliasResponse>(
                  this, METHODID_SET_ALIAS)))
          .addMethod(
            getDeleteAliasMethod(),
            io.grpc.stub.ServerCalls.asyncUnaryCall(
              new MethodHandlers<
                io.github.tihua.v1.DeleteAliasRequest,
                io.github.tihua.v1.DeleteAliasResponse>(
                  this, METHODID_DELETE_ALIAS)))
          .addMethod(
            getLoadCollectionMethod(),
            io.grpc.stub.ServerCalls.asyncUnaryCall(
              new MethodHandlers<
                io.github.tihua.v1.LoadCollectionRequest,
                io.github.tihua.v1.LoadCollectionResponse>(
                  this, METHODID_LOAD_COLLECTION)))
          .addMethod(
            getBuildIndexMethod(),
            io.grpc.stub.ServerCalls.asyncUnaryCall(
              new MethodHandlers<
                io.github.tihua.v1.BuildIndexRequest,
                io.github.tihua.v1.BuildIndexResponse>(
                  this, METHODID_BUILD_INDEX)))
          .addMethod(
            getReleaseCollectionMethod(),
            io.grpc.stub.ServerCalls.asyncUnaryCall(
              new MethodHandlers<
                io.github.tihua.v1.ReleaseCollectionRequest,
                io.github.tihua.v1.ReleaseCollectionResponse>(
                  this, METHODID_RELEASE_COLLECTION)))
          .addMethod(
            getUpsertItemsMethod(),
            io.grpc.stub.ServerCalls.asyncUnaryCall(
              new MethodHandlers<
                io.github.tihua.v1.UpsertItemsRequest,
                io.github.tihua.v1.UpsertItemsResponse>(
                  this, METHODID_UPSERT_ITEMS)))
          .addMethod(
            getGetItemsMethod(),
            io.grpc.stub.ServerCalls.asyncUnaryCall(
              new MethodHandlers<
                io.github.tihua.v1.GetItemsRequest,
                io.github.tihua.v1.GetItemsResponse>(
                  this, METHODID_GET_ITEMS)))
          .addMethod(
            getListItemsMethod(),
            io.grpc.stub.ServerCalls.asyncUnaryCall(
              new MethodHandlers<
                io.github.tihua.v1.ListItemsRequest,
                io.github.tihua.v1.ListItemsResponse>(
                  this, METHODID_LIST_ITEMS)))
          .addMethod(
            getCountItemsMethod(),
            io.grpc.stub.ServerCalls.asyncUnaryCall(
              new MethodHandlers<
                io.github.tihua.v1.CountItemsRequest,
                io.github.tihua.v1.CountItemsResponse>(
                  this, METHODID_COUNT_ITEMS)))
          .addMethod(
            getDeleteItemsMethod(),
            io.grpc.stub.ServerCalls.asyncUnaryCall(
              new MethodHandlers<
                io.github.tihua.v1.DeleteItemsRequest,
                io.github.tihua.v1.DeleteItemsResponse>(
                  this, METHODID_DELETE_ITEMS)))
          .build();
    }
  }

  /**
   * <pre>
   * Creates, shows and removes collections; writes, reads, counts and removes small sets of items.
   * For many items use IngestService.
   * Where a request of any service names a collection, an alias of it may be given instead, unless the
   * comment says otherwise. A call resolves an alias once and then uses that collection only, so that
   * its query is embedded by the model of the collection that is searched.
   * </pre>
   */
  public static final class CollectionServiceStub extends io.grpc.stub.AbstractAsyncStub<CollectionServiceStub> {
    private CollectionServiceStub(
        io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
      super(channel, callOptions);
    }

    @java.lang.Override
    protected CollectionServiceStub build(
        io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
      return new CollectionServiceStub(channel, callOptions);
    }

    /**
     * <pre>
     * Creates an empty collection, bound to a model of the server and loaded for searching.
     * ALREADY_EXISTS if the name is taken.
     * </pre>
     */
    public void createCollection(io.github.tihua.v1.CreateCollectionRequest request,
        io.grpc.stub.StreamObserver<io.github.tihua.v1.CreateCollectionResponse> responseObserver) {
      io.grpc.stub.ClientCalls.asyncUnaryCall(
          getChannel().newCall(getCreateCollectionMethod(), getCallOptions()), request, responseObserver);
    }

    /**
     * <pre>
     * Returns one collection, with its exact item count and load state.
     * </pre>
     */
    public void getCollection(io.github.tihua.v1.GetCollectionRequest request,
        io.grpc.stub.StreamObserver<io.github.tihua.v1.GetCollectionResponse> responseObserver) {
      io.grpc.stub.ClientCalls.asyncUnaryCall(
          getChannel().newCall(getGetCollectionMethod(), getCallOptions()), request, responseObserver);
    }

    /**
     * <pre>
     * Returns all collections, sorted by name.
     * </pre>
     */
    public void listCollections(io.github.tihua.v1.ListCollectionsRequest request,
        io.grpc.stub.StreamObserver<io.github.tihua.v1.ListCollectionsResponse> responseObserver) {
      io.grpc.stub.ClientCalls.asyncUnaryCall(
          getChannel().newCall(getListCollectionsMethod(), getCallOptions()), request, responseObserver);
    }

    /**
     * <pre>
     * Removes a collection and all its items, permanently. FAILED_PRECONDITION if it has aliases.
     * </pre>
     */
    public void deleteCollection(io.github.tihua.v1.DeleteCollectionRequest request,
        io.grpc.stub.StreamObserver<io.github.tihua.v1.DeleteCollectionResponse> responseObserver) {
      io.grpc.stub.ClientCalls.asyncUnaryCall(
          getChannel().newCall(getDeleteCollectionMethod(), getCallOptions()), request, responseObserver);
    }

    /**
     * <pre>
     * Renames a collection; its items, its aliases and everything else stay.
     * </pre>
     */
    public void renameCollection(io.github.tihua.v1.RenameCollectionRequest request,
        io.grpc.stub.StreamObserver<io.github.tihua.v1.RenameCollectionResponse> responseObserver) {
      io.grpc.stub.ClientCalls.asyncUnaryCall(
          getChannel().newCall(getRenameCollectionMethod(), getCallOptions()), request, responseObserver);
    }

    /**
     * <pre>
     * Makes an alias, or points it to another collection in one step: every call finds either the old
     * or the new one. Other servers of the same store may still find the old one for a few seconds.
     * An ingest stream or UpsertItems in progress ends with UNAVAILABLE (COLLECTION_MOVED), writes
     * nothing into the wrong collection, and may be sent again at once.
     * </pre>
     */
    public void setAlias(io.github.tihua.v1.SetAliasRequest request,
        io.grpc.stub.StreamObserver<io.github.tihua.v1.SetAliasResponse> responseObserver) {
      io.grpc.stub.ClientCalls.asyncUnaryCall(
          getChannel().newCall(getSetAliasMethod(), getCallOptions()), request, responseObserver);
    }

    /**
     * <pre>
     * Removes an alias; the collection stays.
     * </pre>
     */
    public void deleteAlias(io.github.tihua.v1.DeleteAliasRequest request,
        io.grpc.stub.StreamObserver<io.github.tihua.v1.DeleteAliasResponse> responseObserver) {
      io.grpc.stub.ClientCalls.asyncUnaryCall(
          getChannel().newCall(getDeleteAliasMethod(), getCallOptions()), request, responseObserver);
    }

    /**
     * <pre>
     * Loads a collection into the store's memory, and returns when it can be searched.
     * </pre>
     */
    public void loadCollection(io.github.tihua.v1.LoadCollectionRequest request,
        io.grpc.stub.StreamObserver<io.github.tihua.v1.LoadCollectionResponse> responseObserver) {
      io.grpc.stub.ClientCalls.asyncUnaryCall(
          getChannel().newCall(getLoadCollectionMethod(), getCallOptions()), request, responseObserver);
    }

    /**
     * <pre>
     * Replaces the index of a collection, or rebuilds the existing one, and returns when the
     * collection is loaded with it, after seconds to hours. Items stay. Meanwhile its load state is
     * LOADING: items can be written, but searching, reading and deleting them fails with UNAVAILABLE
     * (COLLECTION_LOADING), which may be retried. The work continues if the caller hangs up. If it
     * takes more than 10 minutes, this call ends with UNAVAILABLE and the store continues;
     * GetCollection shows when it is done. If server or store crash in between, LoadCollection or the
     * same call completes it. To avoid the interruption, create a collection with the other index,
     * copy the items with their embeddings into it, and point an alias to it.
     * </pre>
     */
    public void buildIndex(io.github.tihua.v1.BuildIndexRequest request,
        io.grpc.stub.StreamObserver<io.github.tihua.v1.BuildIndexResponse> responseObserver) {
      io.grpc.stub.ClientCalls.asyncUnaryCall(
          getChannel().newCall(getBuildIndexMethod(), getCallOptions()), request, responseObserver);
    }

    /**
     * <pre>
     * Releases a collection from the store's memory. Its items stay. Until it is loaded again, items
     * can be written, and counted without a filter, but searching, reading and deleting them fails
     * with FAILED_PRECONDITION.
     * </pre>
     */
    public void releaseCollection(io.github.tihua.v1.ReleaseCollectionRequest request,
        io.grpc.stub.StreamObserver<io.github.tihua.v1.ReleaseCollectionResponse> responseObserver) {
      io.grpc.stub.ClientCalls.asyncUnaryCall(
          getChannel().newCall(getReleaseCollectionMethod(), getCallOptions()), request, responseObserver);
    }

    /**
     * <pre>
     * Embeds and writes a small set of items, replacing those with the same ids. An item that fails
     * is reported in `errors`; the others are written.
     * </pre>
     */
    public void upsertItems(io.github.tihua.v1.UpsertItemsRequest request,
        io.grpc.stub.StreamObserver<io.github.tihua.v1.UpsertItemsResponse> responseObserver) {
      io.grpc.stub.ClientCalls.asyncUnaryCall(
          getChannel().newCall(getUpsertItemsMethod(), getCallOptions()), request, responseObserver);
    }

    /**
     * <pre>
     * Returns items by id. Ids that do not exist are listed in the answer; they are not an error.
     * </pre>
     */
    public void getItems(io.github.tihua.v1.GetItemsRequest request,
        io.grpc.stub.StreamObserver<io.github.tihua.v1.GetItemsResponse> responseObserver) {
      io.grpc.stub.ClientCalls.asyncUnaryCall(
          getChannel().newCall(getGetItemsMethod(), getCallOptions()), request, responseObserver);
    }

    /**
     * <pre>
     * Returns the items that match a filter, in pages, sorted by the bytes of their ids.
     * </pre>
     */
    public void listItems(io.github.tihua.v1.ListItemsRequest request,
        io.grpc.stub.StreamObserver<io.github.tihua.v1.ListItemsResponse> responseObserver) {
      io.grpc.stub.ClientCalls.asyncUnaryCall(
          getChannel().newCall(getListItemsMethod(), getCallOptions()), request, responseObserver);
    }

    /**
     * <pre>
     * Returns the exact number of items that match, including everything acknowledged before the call.
     * </pre>
     */
    public void countItems(io.github.tihua.v1.CountItemsRequest request,
        io.grpc.stub.StreamObserver<io.github.tihua.v1.CountItemsResponse> responseObserver) {
      io.grpc.stub.ClientCalls.asyncUnaryCall(
          getChannel().newCall(getCountItemsMethod(), getCallOptions()), request, responseObserver);
    }

    /**
     * <pre>
     * Removes items by ids, or by filter. Removing what does not exist is not an error.
     * </pre>
     */
    public void deleteItems(io.github.tihua.v1.DeleteItemsRequest request,
        io.grpc.stub.StreamObserver<io.github.tihua.v1.DeleteItemsResponse> responseObserver) {
      io.grpc.stub.ClientCalls.asyncUnaryCall(
          getChannel().newCall(getDeleteItemsMethod(), getCallOptions()), request, responseObserver);
    }
  }

  /**
   * <pre>
   * Creates, shows and removes collections; writes, reads, counts and removes small sets of items.
   * For many items use IngestService.
   * Where a request of any service names a collection, an alias of it may be given instead, unless the
   * comment says otherwise. A call resolves an alias once and then uses that collection only, so that
   * its query is embedded by the model of the collection that is searched.
   * </pre>
   */
  public static final class CollectionServiceBlockingStub extends io.grpc.stub.AbstractBlockingStub<CollectionServiceBlockingStub> {
    private CollectionServiceBlockingStub(
        io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
      super(channel, callOptions);
    }

    @java.lang.Override
    protected CollectionServiceBlockingStub build(
        io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
      return new CollectionServiceBlockingStub(channel, callOptions);
    }

    /**
     * <pre>
     * Creates an empty collection, bound to a model of the server and loaded for searching.
     * ALREADY_EXISTS if the name is taken.
     * </pre>
     */
    public io.github.tihua.v1.CreateCollectionResponse createCollection(io.github.tihua.v1.CreateCollectionRequest request) {
      return io.grpc.stub.ClientCalls.blockingUnaryCall(
          getChannel(), getCreateCollectionMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * Returns one collection, with its exact item count and load state.
     * </pre>
     */
    public io.github.tihua.v1.GetCollectionResponse getCollection(io.github.tihua.v1.GetCollectionRequest request) {
      return io.grpc.stub.ClientCalls.blockingUnaryCall(
          getChannel(), getGetCollectionMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * Returns all collections, sorted by name.
     * </pre>
     */
    public io.github.tihua.v1.ListCollectionsResponse listCollections(io.github.tihua.v1.ListCollectionsRequest request) {
      return io.grpc.stub.ClientCalls.blockingUnaryCall(
          getChannel(), getListCollectionsMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * Removes a collection and all its items, permanently. FAILED_PRECONDITION if it has aliases.
     * </pre>
     */
    public io.github.tihua.v1.DeleteCollectionResponse deleteCollection(io.github.tihua.v1.DeleteCollectionRequest request) {
      return io.grpc.stub.ClientCalls.blockingUnaryCall(
          getChannel(), getDeleteCollectionMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * Renames a collection; its items, its aliases and everything else stay.
     * </pre>
     */
    public io.github.tihua.v1.RenameCollectionResponse renameCollection(io.github.tihua.v1.RenameCollectionRequest request) {
      return io.grpc.stub.ClientCalls.blockingUnaryCall(
          getChannel(), getRenameCollectionMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * Makes an alias, or points it to another collection in one step: every call finds either the old
     * or the new one. Other servers of the same store may still find the old one for a few seconds.
     * An ingest stream or UpsertItems in progress ends with UNAVAILABLE (COLLECTION_MOVED), writes
     * nothing into the wrong collection, and may be sent again at once.
     * </pre>
     */
    public io.github.tihua.v1.SetAliasResponse setAlias(io.github.tihua.v1.SetAliasRequest request) {
      return io.grpc.stub.ClientCalls.blockingUnaryCall(
          getChannel(), getSetAliasMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * Removes an alias; the collection stays.
     * </pre>
     */
    public io.github.tihua.v1.DeleteAliasResponse deleteAlias(io.github.tihua.v1.DeleteAliasRequest request) {
      return io.grpc.stub.ClientCalls.blockingUnaryCall(
          getChannel(), getDeleteAliasMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * Loads a collection into the store's memory, and returns when it can be searched.
     * </pre>
     */
    public io.github.tihua.v1.LoadCollectionResponse loadCollection(io.github.tihua.v1.LoadCollectionRequest request) {
      return io.grpc.stub.ClientCalls.blockingUnaryCall(
          getChannel(), getLoadCollectionMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * Replaces the index of a collection, or rebuilds the existing one, and returns when the
     * collection is loaded with it, after seconds to hours. Items stay. Meanwhile its load state is
     * LOADING: items can be written, but searching, reading and deleting them fails with UNAVAILABLE
     * (COLLECTION_LOADING), which may be retried. The work continues if the caller hangs up. If it
     * takes more than 10 minutes, this call ends with UNAVAILABLE and the store continues;
     * GetCollection shows when it is done. If server or store crash in between, LoadCollection or the
     * same call completes it. To avoid the interruption, create a collection with the other index,
     * copy the items with their embeddings into it, and point an alias to it.
     * </pre>
     */
    public io.github.tihua.v1.BuildIndexResponse buildIndex(io.github.tihua.v1.BuildIndexRequest request) {
      return io.grpc.stub.ClientCalls.blockingUnaryCall(
          getChannel(), getBuildIndexMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * Releases a collection from the store's memory. Its items stay. Until it is loaded again, items
     * can be written, and counted without a filter, but searching, reading and deleting them fails
     * with FAILED_PRECONDITION.
     * </pre>
     */
    public io.github.tihua.v1.ReleaseCollectionResponse releaseCollection(io.github.tihua.v1.ReleaseCollectionRequest request) {
      return io.grpc.stub.ClientCalls.blockingUnaryCall(
          getChannel(), getReleaseCollectionMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * Embeds and writes a small set of items, replacing those with the same ids. An item that fails
     * is reported in `errors`; the others are written.
     * </pre>
     */
    public io.github.tihua.v1.UpsertItemsResponse upsertItems(io.github.tihua.v1.UpsertItemsRequest request) {
      return io.grpc.stub.ClientCalls.blockingUnaryCall(
          getChannel(), getUpsertItemsMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * Returns items by id. Ids that do not exist are listed in the answer; they are not an error.
     * </pre>
     */
    public io.github.tihua.v1.GetItemsResponse getItems(io.github.tihua.v1.GetItemsRequest request) {
      return io.grpc.stub.ClientCalls.blockingUnaryCall(
          getChannel(), getGetItemsMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * Returns the items that match a filter, in pages, sorted by the bytes of their ids.
     * </pre>
     */
    public io.github.tihua.v1.ListItemsResponse listItems(io.github.tihua.v1.ListItemsRequest request) {
      return io.grpc.stub.ClientCalls.blockingUnaryCall(
          getChannel(), getListItemsMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * Returns the exact number of items that match, including everything acknowledged before the call.
     * </pre>
     */
    public io.github.tihua.v1.CountItemsResponse countItems(io.github.tihua.v1.CountItemsRequest request) {
      return io.grpc.stub.ClientCalls.blockingUnaryCall(
          getChannel(), getCountItemsMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * Removes items by ids, or by filter. Removing what does not exist is not an error.
     * </pre>
     */
    public io.github.tihua.v1.DeleteItemsResponse deleteItems(io.github.tihua.v1.DeleteItemsRequest request) {
      return io.grpc.stub.ClientCalls.blockingUnaryCall(
          getChannel(), getDeleteItemsMethod(), getCallOptions(), request);
    }
  }

  /**
   * <pre>
   * Creates, shows and removes collections; writes, reads, counts and removes small sets of items.
   * For many items use IngestService.
   * Where a request of any service names a collection, an alias of it may be given instead, unless the
   * comment says otherwise. A call resolves an alias once and then uses that collection only, so that
   * its query is embedded by the model of the collection that is searched.
   * </pre>
   */
  public static final class CollectionServiceFutureStub extends io.grpc.stub.AbstractFutureStub<CollectionServiceFutureStub> {
    private CollectionServiceFutureStub(
        io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
      super(channel, callOptions);
    }

    @java.lang.Override
    protected CollectionServiceFutureStub build(
        io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
      return new CollectionServiceFutureStub(channel, callOptions);
    }

    /**
     * <pre>
     * Creates an empty collection, bound to a model of the server and loaded for searching.
     * ALREADY_EXISTS if the name is taken.
     * </pre>
     */
    public com.google.common.util.concurrent.ListenableFuture<io.github.tihua.v1.CreateCollectionResponse> createCollection(
        io.github.tihua.v1.CreateCollectionRequest request) {
      return io.grpc.stub.ClientCalls.futureUnaryCall(
          getChannel().newCall(getCreateCollectionMethod(), getCallOptions()), request);
    }

    /**
     * <pre>
     * Returns one collection, with its exact item count and load state.
     * </pre>
     */
    public com.google.common.util.concurrent.ListenableFuture<io.github.tihua.v1.GetCollectionResponse> getCollection(
        io.github.tihua.v1.GetCollectionRequest request) {
      return io.grpc.stub.ClientCalls.futureUnaryCall(
          getChannel().newCall(getGetCollectionMethod(), getCallOptions()), request);
    }

    /**
     * <pre>
     * Returns all collections, sorted by name.
     * </pre>
     */
    public com.google.common.util.concurrent.ListenableFuture<io.github.tihua.v1.ListCollectionsResponse> listCollections(
        io.github.tihua.v1.ListCollectionsRequest request) {
      return io.grpc.stub.ClientCalls.futureUnaryCall(
          getChannel().newCall(getListCollectionsMethod(), getCallOptions()), request);
    }

    /**
     * <pre>
     * Removes a collection and all its items, permanently. FAILED_PRECONDITION if it has aliases.
     * </pre>
     */
    public com.google.common.util.concurrent.ListenableFuture<io.github.tihua.v1.DeleteCollectionResponse> deleteCollection(
        io.github.tihua.v1.DeleteCollectionRequest request) {
      return io.grpc.stub.ClientCalls.futureUnaryCall(
          getChannel().newCall(getDeleteCollectionMethod(), getCallOptions()), request);
    }

    /**
     * <pre>
     * Renames a collection; its items, its aliases and everything else stay.
     * </pre>
     */
    public com.google.common.util.concurrent.ListenableFuture<io.github.tihua.v1.RenameCollectionResponse> renameCollection(
        io.github.tihua.v1.RenameCollectionRequest request) {
      return io.grpc.stub.ClientCalls.futureUnaryCall(
          getChannel().newCall(getRenameCollectionMethod(), getCallOptions()), request);
    }

    /**
     * <pre>
     * Makes an alias, or points it to another collection in one step: every call finds either the old
     * or the new one. Other servers of the same store may still find the old one for a few seconds.
     * An ingest stream or UpsertItems in progress ends with UNAVAILABLE (COLLECTION_MOVED), writes
     * nothing into the wrong collection, and may be sent again at once.
     * </pre>
     */
    public com.google.common.util.concurrent.ListenableFuture<io.github.tihua.v1.SetAliasResponse> setAlias(
        io.github.tihua.v1.SetAliasRequest request) {
      return io.grpc.stub.ClientCalls.futureUnaryCall(
          getChannel().newCall(getSetAliasMethod(), getCallOptions()), request);
    }

    /**
     * <pre>
     * Removes an alias; the collection stays.
     * </pre>
     */
    public com.google.common.util.concurrent.ListenableFuture<io.github.tihua.v1.DeleteAliasResponse> deleteAlias(
        io.github.tihua.v1.DeleteAliasRequest request) {
      return io.grpc.stub.ClientCalls.futureUnaryCall(
          getChannel().newCall(getDeleteAliasMethod(), getCallOptions()), request);
    }

    /**
     * <pre>
     * Loads a collection into the store's memory, and returns when it can be searched.
     * </pre>
     */
    public com.google.common.util.concurrent.ListenableFuture<io.github.tihua.v1.LoadCollectionResponse> loadCollection(
        io.github.tihua.v1.LoadCollectionRequest request) {
      return io.grpc.stub.ClientCalls.futureUnaryCall(
          getChannel().newCall(getLoadCollectionMethod(), getCallOptions()), request);
    }

    /**
     * <pre>
     * Replaces the index of a collection, or rebuilds the existing one, and returns when the
     * collection is loaded with it, after seconds to hours. Items stay. Meanwhile its load state is
     * LOADING: items can be written, but searching, reading and deleting them fails with UNAVAILABLE
     * (COLLECTION_LOADING), which may be retried. The work continues if the caller hangs up. If it
     * takes more than 10 minutes, this call ends with UNAVAILABLE and the store continues;
     * GetCollection shows when it is done. If server or store crash in between, LoadCollection or the
     * same call completes it. To avoid the interruption, create a collection with the other index,
     * copy the items with their embeddings into it, and point an alias to it.
     * </pre>
     */
    public com.google.common.util.concurrent.ListenableFuture<io.github.tihua.v1.BuildIndexResponse> buildIndex(
        io.github.tihua.v1.BuildIndexRequest request) {
      return io.grpc.stub.ClientCalls.futureUnaryCall(
          getChannel().newCall(getBuildIndexMethod(), getCallOptions()), request);
    }

    /**
     * <pre>
     * Releases a collection from the store's memory. Its items stay. Until it is loaded again, items
     * can be written, and counted without a filter, but searching, reading and deleting them fails
     * with FAILED_PRECONDITION.
     * </pre>
     */
    public com.google.common.util.concurrent.ListenableFuture<io.github.tihua.v1.ReleaseCollectionResponse> releaseCollection(
        io.github.tihua.v1.ReleaseCollectionRequest request) {
      return io.grpc.stub.ClientCalls.futureUnaryCall(
          getChannel().newCall(getReleaseCollectionMethod(), getCallOptions()), request);
    }

    /**
     * <pre>
     * Embeds and writes a small set of items, replacing those with the same ids. An item that fails
     * is reported in `errors`; the others are written.
     * </pre>
     */
    public com.google.common.util.concurrent.ListenableFuture<io.github.tihua.v1.UpsertItemsResponse> upsertItems(
        io.github.tihua.v1.UpsertItemsRequest request) {
      return io.grpc.stub.ClientCalls.futureUnaryCall(
          getChannel().newCall(getUpsertItemsMethod(), getCallOptions()), request);
    }

    /**
     * <pre>
     * Returns items by id. Ids that do not exist are listed in the answer; they are not an error.
     * </pre>
     */
    public com.google.common.util.concurrent.ListenableFuture<io.github.tihua.v1.GetItemsResponse> getItems(
        io.github.tihua.v1.GetItemsRequest request) {
      return io.grpc.stub.ClientCalls.futureUnaryCall(
          getChannel().newCall(getGetItemsMethod(), getCallOptions()), request);
    }

    /**
     * <pre>
     * Returns the items that match a filter, in pages, sorted by the bytes of their ids.
     * </pre>
     */
    public com.google.common.util.concurrent.ListenableFuture<io.github.tihua.v1.ListItemsResponse> listItems(
        io.github.tihua.v1.ListItemsRequest request) {
      return io.grpc.stub.ClientCalls.futureUnaryCall(
          getChannel().newCall(getListItemsMethod(), getCallOptions()), request);
    }

    /**
     * <pre>
     * Returns the exact number of items that match, including everything acknowledged before the call.
     * </pre>
     */
    public com.google.common.util.concurrent.ListenableFuture<io.github.tihua.v1.CountItemsResponse> countItems(
        io.github.tihua.v1.CountItemsRequest request) {
      return io.grpc.stub.ClientCalls.futureUnaryCall(
          getChannel().newCall(getCountItemsMethod(), getCallOptions()), request);
    }

    /**
     * <pre>
     * Removes items by ids, or by filter. Removing what does not exist is not an error.
     * </pre>
     */
    public com.google.common.util.concurrent.ListenableFuture<io.github.tihua.v1.DeleteItemsResponse> deleteItems(
        io.github.tihua.v1.DeleteItemsRequest request) {
      return io.grpc.stub.ClientCalls.futureUnaryCall(
          getChannel().newCall(getDeleteItemsMethod(), getCallOptions()), request);
    }
  }

  private static final int METHODID_CREATE_COLLECTION = 0;
  private static final int METHODID_GET_COLLECTION = 1;
  private static final int METHODID_LIST_COLLECTIONS = 2;
  private static final int METHODID_DELETE_COLLECTION = 3;
  private static final int METHODID_RENAME_COLLECTION = 4;
  private static final int METHODID_SET_ALIAS = 5;
  private static final int METHODID_DELETE_ALIAS = 6;
  private static final int METHODID_LOAD_COLLECTION = 7;
  private static final int METHODID_BUILD_INDEX = 8;
  private static final int METHODID_RELEASE_COLLECTION = 9;
  private static final int METHODID_UPSERT_ITEMS = 10;
  private static final int METHODID_GET_ITEMS = 11;
  private static final int METHODID_LIST_ITEMS = 12;
  private static final int METHODID_COUNT_ITEMS = 13;
  private static final int METHODID_DELETE_ITEMS = 14;

  private static final class MethodHandlers<Req, Resp> implements
      io.grpc.stub.ServerCalls.UnaryMethod<Req, Resp>,
      io.grpc.stub.ServerCalls.ServerStreamingMethod<Req, Resp>,
      io.grpc.stub.ServerCalls.ClientStreamingMethod<Req, Resp>,
      io.grpc.stub.ServerCalls.BidiStreamingMethod<Req, Resp> {
    private final CollectionServiceImplBase serviceImpl;
    private final int methodId;

    MethodHandlers(CollectionServiceImplBase serviceImpl, int methodId) {
      this.serviceImpl = serviceImpl;
      this.methodId = methodId;
    }

    @java.lang.Override
    @java.lang.SuppressWarnings("unchecked")
    public void invoke(Req request, io.grpc.stub.StreamObserver<Resp> responseObserver) {
      switch (methodId) {
        case METHODID_CREATE_COLLECTION:
          serviceImpl.createCollection((io.github.tihua.v1.CreateCollectionRequest) request,
              (io.grpc.stub.StreamObserver<io.github.tihua.v1.CreateCollectionResponse>) responseObserver);
          break;
        case METHODID_GET_COLLECTION:
          serviceImpl.getCollection((io.github.tihua.v1.GetCollectionRequest) request,
              (io.grpc.stub.StreamObserver<io.github.tihua.v1.GetCollectionResponse>) responseObserver);
          break;
        case METHODID_LIST_COLLECTIONS:
          serviceImpl.listCollections((io.github.tihua.v1.ListCollectionsRequest) request,
              (io.grpc.stub.StreamObserver<io.github.tihua.v1.ListCollectionsResponse>) responseObserver);
          break;
        case METHODID_DELETE_COLLECTION:
          serviceImpl.deleteCollection((io.github.tihua.v1.DeleteCollectionRequest) request,
              (io.grpc.stub.StreamObserver<io.github.tihua.v1.DeleteCollectionResponse>) responseObserver);
          break;
        case METHODID_RENAME_COLLECTION:
          serviceImpl.renameCollection((io.github.tihua.v1.RenameCollectionRequest) request,
              (io.grpc.stub.StreamObserver<io.github.tihua.v1.RenameCollectionResponse>) responseObserver);
          break;
        case METHODID_SET_ALIAS:
          serviceImpl.setAlias((io.github.tihua.v1.SetAliasRequest) request,
              (io.grpc.stub.StreamObserver<io.github.tihua.v1.SetAliasResponse>) responseObserver);
          break;
        case METHODID_DELETE_ALIAS:
          serviceImpl.deleteAlias((io.github.tihua.v1.DeleteAliasRequest) request,
              (io.grpc.stub.StreamObserver<io.github.tihua.v1.DeleteAliasResponse>) responseObserver);
          break;
        case METHODID_LOAD_COLLECTION:
          serviceImpl.loadCollection((io.github.tihua.v1.LoadCollectionRequest) request,
              (io.grpc.stub.StreamObserver<io.github.tihua.v1.LoadCollectionResponse>) responseObserver);
          break;
        case METHODID_BUILD_INDEX:
          serviceImpl.buildIndex((io.github.tihua.v1.BuildIndexRequest) request,
              (io.grpc.stub.StreamObserver<io.github.tihua.v1.BuildIndexResponse>) responseObserver);
          break;
        case METHODID_RELEASE_COLLECTION:
          serviceImpl.releaseCollection((io.github.tihua.v1.ReleaseCollectionRequest) request,
              (io.grpc.stub.StreamObserver<io.github.tihua.v1.ReleaseCollectionResponse>) responseObserver);
          break;
        case METHODID_UPSERT_ITEMS:
          serviceImpl.upsertItems((io.github.tihua.v1.UpsertItemsRequest) request,
              (io.grpc.stub.StreamObserver<io.github.tihua.v1.UpsertItemsResponse>) responseObserver);
          break;
        case METHODID_GET_ITEMS:
          serviceImpl.getItems((io.github.tihua.v1.GetItemsRequest) request,
              (io.grpc.stub.StreamObserver<io.github.tihua.v1.GetItemsResponse>) responseObserver);
          break;
        case METHODID_LIST_ITEMS:
          serviceImpl.listItems((io.github.tihua.v1.ListItemsRequest) request,
              (io.grpc.stub.StreamObserver<io.github.tihua.v1.ListItemsResponse>) responseObserver);
          break;
        case METHODID_COUNT_ITEMS:
          serviceImpl.countItems((io.github.tihua.v1.CountItemsRequest) request,
              (io.grpc.stub.StreamObserver<io.github.tihua.v1.CountItemsResponse>) responseObserver);
          break;
        case METHODID_DELETE_ITEMS:
          serviceImpl.deleteItems((io.github.tihua.v1.DeleteItemsRequest) request,
              (io.grpc.stub.StreamObserver<io.github.tihua.v1.DeleteItemsResponse>) responseObserver);
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

  private static abstract class CollectionServiceBaseDescriptorSupplier
      implements io.grpc.protobuf.ProtoFileDescriptorSupplier, io.grpc.protobuf.ProtoServiceDescriptorSupplier {
    CollectionServiceBaseDescriptorSupplier() {}

    @java.lang.Override
    public com.google.protobuf.Descriptors.FileDescriptor getFileDescriptor() {
      return io.github.tihua.v1.CollectionServiceOuterClass.getDescriptor();
    }

    @java.lang.Override
    public com.google.protobuf.Descriptors.ServiceDescriptor getServiceDescriptor() {
      return getFileDescriptor().findServiceByName("CollectionService");
    }
  }

  private static final class CollectionServiceFileDescriptorSupplier
      extends CollectionServiceBaseDescriptorSupplier {
    CollectionServiceFileDescriptorSupplier() {}
  }

  private static final class CollectionServiceMethodDescriptorSupplier
      extends CollectionServiceBaseDescriptorSupplier
      implements io.grpc.protobuf.ProtoMethodDescriptorSupplier {
    private final String methodName;

    CollectionServiceMethodDescriptorSupplier(String methodName) {
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
      synchronized (CollectionServiceGrpc.class) {
        result = serviceDescriptor;
        if (result == null) {
          serviceDescriptor = result = io.grpc.ServiceDescriptor.newBuilder(SERVICE_NAME)
              .setSchemaDescriptor(new CollectionServiceFileDescriptorSupplier())
              .addMethod(getCreateCollectionMethod())
              .addMethod(getGetCollectionMethod())
              .addMethod(getListCollectionsMethod())
              .addMethod(getDeleteCollectionMethod())
              .addMethod(getRenameCollectionMethod())
              .addMethod(getSetAliasMethod())
              .addMethod(getDeleteAliasMethod())
              .addMethod(getLoadCollectionMethod())
              .addMethod(getBuildIndexMethod())
              .addMethod(getReleaseCollectionMethod())
              .addMethod(getUpsertItemsMethod())
              .addMethod(getGetItemsMethod())
              .addMethod(getListItemsMethod())
              .addMethod(getCountItemsMethod())
              .addMethod(getDeleteItemsMethod())
              .build();
        }
      }
    }
    return result;
  }
}
