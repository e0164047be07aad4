import com.google.gson.Gson;
import com.google.gson.reflect.TypeToken;
import com.google.protobuf.ByteString;
import io.github.tihua.Ingest;
import io.github.tihua.Refusal;
import io.github.tihua.Token;
import io.github.tihua.v1.*;
import io.grpc.*;
import io.grpc.health.v1.HealthCheckRequest;
import io.grpc.health.v1.HealthGrpc;
import io.grpc.stub.AbstractStub;
import io.grpc.stub.ClientCallStreamObserver;
import io.grpc.stub.StreamObserver;
import java.io.File;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.reflect.Type;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Collections;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.function.Supplier;
import java.util.stream.Stream;

/**
 * A tour of a tihua server: each kind of call once, and of each a line of JSON.
 *
 * <pre>TIHUA_ADDRESS=localhost:50051 java -cp … Tour COLLECTION FOLDER PICTURE</pre>
 *
 * Writes the pictures of FOLDER into COLLECTION and searches them by text and by PICTURE. For a
 * server with TLS, TIHUA_CA names the file of its root certificates, and TIHUA_TOKEN is the caller's
 * token. TIHUA_SERVICE_CONFIG names a file like protos/service_config.json, for several servers.
 */
final class Tour {
  private static final List<String> POEM = List.of("枯藤老树昏鸦", "小桥流水人家", "夕阳西下");

  private final ManagedChannel channel;
  private final CallCredentials token;
  private final String collection;
  private final Path folder;
  private final ImageSource picture;

  private Tour(String collection, Path folder, Path picture) throws IOException {
    String address = System.getenv("TIHUA_ADDRESS");
    String roots = System.getenv("TIHUA_CA");
    String secret = System.getenv("TIHUA_TOKEN");
    var credentials =
        roots == null
            ? InsecureChannelCredentials.create()
            : TlsChannelCredentials.newBuilder().trustManager(new File(roots)).build();
    var builder = Grpc.newChannelBuilder(address, credentials);
    // An ingest has no deadline: without pings it would wait for ever for a vanished server.
    builder.keepAliveTime(60, TimeUnit.SECONDS).keepAliveTimeout(20, TimeUnit.SECONDS);
    // A page may be as large as the server's limits allow; gRPC would refuse more than 4 MiB.
    builder.maxInboundMessageSize(Integer.MAX_VALUE);
    String config = System.getenv("TIHUA_SERVICE_CONFIG");
    if (config != null) {
      Type type = new TypeToken<Map<String, Object>>() {}.getType();
      builder.defaultServiceConfig(new Gson().fromJson(Files.readString(Path.of(config)), type));
    }
    this.channel = builder.build();
    this.token = secret == null ? null : new Token(secret);
    this.collection = collection;
    this.folder = folder;
    this.picture = read(picture);
  }

  public static void main(String[] arguments) throws Exception {
    Tour tour = new Tour(arguments[0], Path.of(arguments[1]), Path.of(arguments[2]));
    tour.greet();
    tour.embed();
    tour.ingest();
    tour.list();
    tour.search();
    tour.fail();
    tour.channel.shutdownNow();
  }

  /** Returns a stub that sends the token, if there is one. */
  private <S extends AbstractStub<S>> S with(S stub) {
    return token == null ? stub : stub.withCallCredentials(token);
  }

  private void greet() {
    var health = with(HealthGrpc.newBlockingStub(channel));
    Show.answer("health", health.check(HealthCheckRequest.getDefaultInstance()));
    var system = with(SystemServiceGrpc.newBlockingStub(channel));
    Show.answer("info", system.getServerInfo(GetServerInfoRequest.getDefaultInstance()));
  }

  /** Embeds texts and a picture, one input a call. */
  private void embed() throws InterruptedException {
    var stub = with(EmbeddingServiceGrpc.newBlockingStub(channel));
    for (String text : POEM) {
      var request = EmbedTextRequest.newBuilder().addTexts(text).build();
      var answer = patiently(() -> stub.withDeadlineAfter(30, TimeUnit.SECONDS).embedText(request));
      Show.embedding("embed_text", answer.getEmbeddings());
    }
    var request = EmbedImageRequest.newBuilder().addImages(picture).build();
    Show.embedding("embed_image", stub.embedImage(request).getEmbeddings());
  }

  /** Repeats a call for as long as the server asks to come back later. */
  private static <T> T patiently(Supplier<T> call) throws InterruptedException {
    while (true) {
      try {
        return call.get();
      } catch (StatusRuntimeException error) {
        var delay = Refusal.of(error).retryAfter();
        if (delay.isZero()) {
          throw error;
        }
        Show.refusal("retry", error);
        Thread.sleep(delay.toMillis());
      }
    }
  }

  /** Writes the pictures of the folder; an id is a path within it. */
  private void ingest() throws IOException, InterruptedException {
    try {
      var creation = CreateCollectionRequest.newBuilder().setName(collection).build();
      with(CollectionServiceGrpc.newBlockingStub(channel)).createCollection(creation);
    } catch (StatusRuntimeException error) {
      if (error.getStatus().getCode() != Status.Code.ALREADY_EXISTS) {
        throw error;
      }
    }
    try (Stream<Path> paths = Files.walk(folder)) {
      Iterator<Item> items =
          paths
              .filter(path -> path.toString().matches("(?i).*\\.(jpe?g|png|webp)"))
              .sorted()
              .toList() // Else the first item would wait until all the files are read.
              .stream()
              .map(this::item)
              .iterator();
      var stub = with(IngestServiceGrpc.newStub(channel));
      var report = new Ingest(stub, collection, items).run();
      var failures = report.errors().stream().map(ItemError::getIndex).toList();
      Show.answer(
          "ingest",
          "{\"written\":%d,\"failed\":%d,\"failures\":%s,\"streams\":%d}"
              .formatted(report.written(), report.failed(), failures, report.streams()));
    }
  }

  private Item item(Path path) {
    String id = folder.relativize(path).toString().replace(File.separatorChar, '/');
    return Item.newBuilder().setId(id).setUri(path.toString()).setImage(read(path)).build();
  }

  /** Reads one page of the collection. */
  private void list() {
    var request = ListItemsRequest.newBuilder().setCollection(collection).setLimit(1000).build();
    var page = with(CollectionServiceGrpc.newBlockingStub(channel)).listItems(request);
    Show.answer("list", "{\"items\":%d}".formatted(page.getItemsCount()));
  }

  /** Asks by picture and by text. */
  private void search() {
    var stub = with(SearchServiceGrpc.newBlockingStub(channel));
    var image = QueryTerm.newBuilder().setImage(picture);
    var text = QueryTerm.newBuilder().setText(POEM.get(2));
    for (var term : List.of(image, text)) {
      var request = SearchRequest.newBuilder().setCollection(collection).addTerms(term).setLimit(5);
      Show.answer("search", stub.search(request.build()));
    }
  }

  /** Shows calls that the server refuses, that take too long, and that their caller gives up. */
  private void fail() throws Exception {
    var wrong = SearchRequest.newBuilder().setCollection(collection).setLimit(1_000_000).build();
    try {
      with(SearchServiceGrpc.newBlockingStub(channel)).search(wrong);
    } catch (StatusRuntimeException error) {
      Show.refusal("refusal", error);
    }
    var many = EmbedImageRequest.newBuilder().addAllImages(Collections.nCopies(64, picture)).build();
    var embedder = with(EmbeddingServiceGrpc.newBlockingStub(channel));
    try {
      embedder.withDeadlineAfter(1, TimeUnit.MILLISECONDS).embedImage(many);
    } catch (StatusRuntimeException error) {
      Show.refusal("deadline", error);
    }
    var started = new CompletableFuture<IngestResponse>();
    var end = new CompletableFuture<Throwable>();
    var responses =
        new StreamObserver<IngestResponse>() {
          @Override
          public void onNext(IngestResponse response) {
            started.complete(response);
          }

          @Override
          public void onError(Throwable error) {
            end.complete(error);
          }

          @Override
          public void onCompleted() {}
        };
    var requests =
        (ClientCallStreamObserver<IngestRequest>)
            with(IngestServiceGrpc.newStub(channel)).ingest(responses);
    var start = IngestStart.newBuilder().setCollection(collection);
    start.setSessionId("cancelled " + collection);
    requests.onNext(IngestRequest.newBuilder().setStart(start).build());
    started.get();
    requests.cancel("the caller gives up", null);
    Show.refusal("cancellation", end.get());
  }

  private static ImageSource read(Path path) {
    try {
      return ImageSource.newBuilder().setContent(ByteString.copyFrom(Files.readAllBytes(path))).build();
    } catch (IOException error) {
      throw new UncheckedIOException(error);
    }
  }
}
