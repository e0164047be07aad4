// A program that ingests twice with one report: each time an item without anything. Its source may
// not be asked again after its end.
#include <grpcpp/create_channel.h>

#include <cstdlib>
#include <iostream>

#include "tihua/ingest.h"

namespace v1 = tihua::v1;

int main(int, char** arguments) {
  const auto credentials = grpc::InsecureChannelCredentials();
  const auto stub =
      v1::IngestService::NewStub(grpc::CreateChannel(std::getenv("TIHUA_ADDRESS"), credentials));
  tihua::IngestReport report;
  for (int round = 0; round < 2; ++round) {
    int calls = 0;
    const auto next = [&]() -> std::optional<v1::Item> {
      if (++calls == 1) return v1::Item();
      if (calls > 2) std::cout << "asked after its end\n";
      return std::nullopt;
    };
    const grpc::Status status = tihua::ingest(*stub, arguments[1], next, &report);
    if (!status.ok()) std::cout << "ended: " << status.error_message() << "\n";
  }
  std::cout << "failed:";
  for (const v1::ItemError& error : report.errors) std::cout << " " << error.reason();
  std::cout << "\nstreams: " << report.streams << "\n";
}
