#pragma once

#include <grpcpp/support/status.h>

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "tihua/v1/ingest_service.grpc.pb.h"

namespace tihua {

// What became of the items of an ingest.
struct IngestReport {
  std::uint64_t written = 0;
  std::uint64_t failed = 0;
  std::vector<v1::ItemError> errors;  // Each index is a position among all items, from 0.
  int streams = 0;                    // How many it took: one more than there were breaks.
};

// Writes items into a collection, over as many streams as it takes. After a break of up to five
// minutes what the server had not acknowledged is sent again; in memory is no more than the server's
// credit and one batch. An item that alone exceeds the credit counts as failed.
//
// `next` returns the next item, and nothing after the last. `report` is reset, then kept up to
// date: beside an error it tells what had become of the items by then.
grpc::Status ingest(v1::IngestService::StubInterface& stub, const std::string& collection,
                    const std::function<std::optional<v1::Item>()>& next, IngestReport* report);

}  // namespace tihua
