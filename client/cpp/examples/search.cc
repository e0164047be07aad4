// Searches a collection by text: the shortest client there is.
#include <grpcpp/grpcpp.h>

#include <cstdio>
#include <cstdlib>

#include "tihua/v1/search_service.grpc.pb.h"

int main() {
  // [call]
  const auto channel =
      grpc::CreateChannel(std::getenv("TIHUA_ADDRESS"), grpc::InsecureChannelCredentials());
  tihua::v1::SearchRequest request;
  request.set_collection("pictures");
  request.add_terms()->set_text("夕阳西下");
  grpc::ClientContext context;
  tihua::v1::SearchResponse answer;
  const auto status =
      tihua::v1::SearchService::NewStub(channel)->Search(&context, request, &answer);
  for (const auto& hit : answer.hits()) {
    std::printf("%.3f %s\n", hit.score(), hit.item().uri().c_str());
  }
  // [/call]
  if (!status.ok()) std::fprintf(stderr, "%s\n", status.error_message().c_str());
  return status.ok() ? 0 : 1;
}
