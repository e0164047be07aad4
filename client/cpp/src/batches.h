#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>

#include "tihua/ingest.h"
#include "tihua/v1/ingest_service.pb.h"

namespace tihua {

// A request to be sent.
struct Batch {
  v1::IngestRequest request;
  std::uint32_t first;  // The position of its first item among all; the others follow it.
};

// Cuts items into batches that the server takes.
class Batches {
 public:
  Batches(const std::function<std::optional<v1::Item>()>& next, IngestReport* report)
      : next_(next), report_(report) {}

  // Returns the next batch, of at most `window` bytes; nothing if there is none. An item that is
  // larger by itself has failed.
  std::optional<Batch> next(std::uint64_t window);

  // Returns how many items were too large to be sent.
  std::uint64_t failed() const { return failed_; }

 private:
  // Counts an item that is read.
  void fail(const v1::Item& item, std::uint64_t bytes, std::uint64_t window);

  const std::function<std::optional<v1::Item>()>& next_;
  IngestReport* const report_;
  std::optional<v1::Item> spare_;  // Read, and not in a batch yet.
  std::uint32_t position_ = 0;     // Of the next item among all.
  std::uint64_t failed_ = 0;
  bool is_empty_ = false;          // next_ has nothing more, and is not called again.
};

}  // namespace tihua
