import io.github.tihua.Ingest;
import io.github.tihua.v1.IngestServiceGrpc;
import io.github.tihua.v1.Item;
import io.grpc.Grpc;
import io.grpc.InsecureChannelCredentials;
import io.grpc.Metadata;
import io.grpc.StatusRuntimeException;
import io.grpc.stub.MetadataUtils;
import java.util.stream.Stream;

/**
 * A program that shuts its channel down during an ingest, as one that stops does. Its stub sends
 * headers, as a traced program's does. The item before is too large for the server.
 */
final class Closing {
  public static void main(String[] arguments) throws InterruptedException {
    var address = System.getenv("TIHUA_ADDRESS");
    var channel = Grpc.newChannelBuilder(address, InsecureChannelCredentials.create()).build();
    Item tooLarge = Item.newBuilder().setId("a").setText("马".repeat(1 << 18)).build();
    Item last = Item.newBuilder().setId("b").setText("马").build();
    Stream<Item> items =
        Stream.of(tooLarge, last)
            .peek(
                item -> {
                  if (item == last) {
                    channel.shutdownNow();
                  }
                });
    var headers = MetadataUtils.newAttachHeadersInterceptor(new Metadata());
    var stub = IngestServiceGrpc.newStub(channel).withInterceptors(headers);
    var ingest = new Ingest(stub, arguments[0], items.iterator());
    try {
      ingest.run();
    } catch (StatusRuntimeException error) {
      System.out.println("ended: " + error.getMessage());
    }
    var failure = ingest.report().errors().get(0);
    System.out.println("failed: " + failure.getId() + " " + failure.getReason());
  }
}
