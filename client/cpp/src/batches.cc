#include "batches.h"

#include <grpcpp/support/status.h>

#include <algorithm>
#include <string>
#include <utility>

namespace tihua {
namespace {

constexpr int kMaxBatchItems = 16;                 // 8 to 64 travel best,
constexpr std::uint64_t kMaxBatchBytes = 4 << 20;  // and at most 4 MiB; a larger item goes alone.

constexpr std::uint64_t kRequestOverhead = 32;  // Tags, lengths, number of a batch, at most,
constexpr std::uint64_t kItemOverhead = 6;      // and of each item in it.

}  // namespace

std::optional<Batch> Batches::next(std::uint64_t window) {
  Batch batch{{}, position_};
  auto& items = *batch.request.mutable_batch()->mutable_items();
  std::uint64_t bytes = kRequestOverhead;
  while (items.size() < kMaxBatchItems) {
    if (!spare_ && !is_empty_) spare_ = next_();
    is_empty_ = !spare_;
    if (is_empty_) break;
    const std::uint64_t size = kItemOverhead + spare_->ByteSizeLong();
    if (bytes + size > std::min(kMaxBatchBytes, window) && !items.empty()) break;
    v1::Item item = *std::exchange(spare_, std::nullopt);
    ++position_;
    if (kRequestOverhead + size > window) {
      fail(item, kRequestOverhead + size, window);
      batch.first = position_;
      continue;
    }
    items.Add(std::move(item));
    bytes += size;
  }
  if (items.empty()) return std::nullopt;
  return batch;
}

void Batches::fail(const v1::Item& item, std::uint64_t bytes, std::uint64_t window) {
  ++failed_;
  ++report_->failed;
  v1::ItemError& error = report_->errors.emplace_back();
  error.set_index(position_ - 1);
  error.set_id(item.id());
  error.set_code(grpc::StatusCode::RESOURCE_EXHAUSTED);
  error.set_reason("TOO_LARGE");
  error.set_message("the item is " + std::to_string(bytes) + " bytes; the server takes " +
                    std::to_string(window) + " at once");
  (*error.mutable_metadata())["bytes"] = std::to_string(bytes);
  (*error.mutable_metadata())["limit"] = std::to_string(window);
}

}  // namespace tihua
