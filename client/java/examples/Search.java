import io.github.tihua.v1.QueryTerm;
import io.github.tihua.v1.SearchRequest;
import io.github.tihua.v1.SearchServiceGrpc;
import io.grpc.Grpc;
import io.grpc.InsecureChannelCredentials;

/** Searches a collection by text: the shortest client there is. */
final class Search {
  public static void main(String[] arguments) {
    // [call]
    var address = System.getenv("TIHUA_ADDRESS");
    var channel = Grpc.newChannelBuilder(address, InsecureChannelCredentials.create()).build();
    var term = QueryTerm.newBuilder().setText("夕阳西下");
    var request = SearchRequest.newBuilder().setCollection("pictures").addTerms(term).build();
    for (var hit : SearchServiceGrpc.newBlockingStub(channel).search(request).getHitsList()) {
      System.out.printf("%.3f %s%n", hit.getScore(), hit.getItem().getUri());
    }
    // [/call]
    channel.shutdownNow();
  }
}
