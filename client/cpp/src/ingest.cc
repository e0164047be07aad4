#include "tihua/ingest.h"

#include <grpcpp/client_context.h>

#include <chrono>
#include <deque>
#include <random>
#include <sstream>
#include <thread>
#include <utility>

#include "tihua/refusal.h"

namespace tihua {
namespace {

constexpr int kMaxBatchItems = 16;                  // 8 to 64 travel best,
constexpr std::size_t kMaxBatchBytes = 4 * 1 << 20;  // and at most 4 MiB; a larger item goes alone.
constexpr std::chrono::minutes kMaxBreak{5};

using Stream = grpc::ClientReaderWriterInterface<v1::IngestRequest, v1::IngestResponse>;

std::string random_id() {
  std::random_device random;
  std::ostringstream id;
  for (int word = 0; word < 4; ++word) id << std::hex << random();
  return id.str();
}

class Session {
 public:
  Session(const std::string& collection, const std::function<std::optional<v1::Item>()>& next,
          IngestReport* report)
      : next_(next), report_(report) {
    start_.set_collection(collection);
    start_.set_session_id(random_id());
  }

  // The last batch that is safe.
  std::uint64_t committed() const { return committed_; }

  // Reading and writing take turns: the server reads what it granted, whether we read or not.
  grpc::Status run(v1::IngestService::StubInterface& stub) {
    ++report_->streams;
    sent_ = 0;
    may_send_ = is_complete_ = false;
    batches_ = bytes_ = 0;
    grpc::ClientContext context;
    const auto stream = stub.Ingest(&context);
    v1::IngestRequest request;
    *request.mutable_start() = start_;
    stream->Write(request);
    v1::IngestResponse response;
    while (stream->Read(&response)) {
      receive(response);
      if (const grpc::Status status = send(*stream); !status.ok()) {
        context.TryCancel();
        stream->Finish();
        return status;
      }
    }
    const grpc::Status status = stream->Finish();
    if (status.ok() && !is_complete_) {
      return {grpc::StatusCode::INTERNAL, "the server ended the stream without a summary"};
    }
    return status;
  }

 private:
  void receive(const v1::IngestResponse& response) {
    switch (response.message_case()) {
      case v1::IngestResponse::kStarted:
        if (response.started().committed_seq() < committed_) {
          // A server that has forgotten the session.
          forgotten_ = {report_->written, report_->failed};
          committed_ = 0;
          start_.clear_read_seq();
        }
        commit(response.started().committed_seq());
        grant(response.started().credit());
        window_ = bytes_;
        may_send_ = true;
        break;
      case v1::IngestResponse::kCredit:
        grant(response.credit());
        break;
      case v1::IngestResponse::kAck:
        start_.set_read_seq(response.ack().committed_seq());
        count(response.ack());
        for (const auto& failure : response.ack().errors()) {
          report_->errors.push_back(failure.error());
        }
        commit(response.ack().committed_seq());
        break;
      case v1::IngestResponse::kDraining:
        may_send_ = false;
        break;
      case v1::IngestResponse::kSummary:
        count(response.summary());  // Of acknowledgements that a break hid, too.
        is_complete_ = true;
        break;
      case v1::IngestResponse::MESSAGE_NOT_SET:
        break;
    }
  }

  void grant(const v1::IngestCredit& credit) {
    batches_ += credit.batches();
    bytes_ += credit.bytes();
  }

  void count(const auto& counts) {
    report_->written = forgotten_.first + counts.items_written();
    report_->failed = forgotten_.second + counts.items_failed();
  }

  // Forgets the batches up to seq.
  void commit(std::uint64_t seq) {
    for (; committed_ < seq; ++committed_) {
      pending_.pop_front();
      if (sent_ > 0) --sent_;
    }
  }

  // Sends what credit allows, and half-closes after the last batch. A stream that does not take it
  // has ended, and Finish tells why.
  grpc::Status send(Stream& stream) {
    while (may_send_) {
      if (sent_ == pending_.size() && !read_batch()) {
        may_send_ = false;
        stream.WritesDone();
        break;
      }
      v1::IngestRequest& request = pending_[sent_];
      request.mutable_batch()->set_seq(committed_ + sent_ + 1);
      const std::uint64_t size = request.ByteSizeLong();
      if (size > window_) {
        return {grpc::StatusCode::INVALID_ARGUMENT,
                "item " + request.batch().items(0).id() + " takes " + std::to_string(size) +
                    " bytes; the server takes " + std::to_string(window_) + " at once"};
      }
      if (batches_ == 0 || bytes_ < size || !stream.Write(request)) break;
      ++sent_;
      --batches_;
      bytes_ -= size;
    }
    return grpc::Status::OK;
  }

  // Appends the next batch to pending_; false if there is none.
  bool read_batch() {
    v1::IngestRequest request;
    auto& items = *request.mutable_batch()->mutable_items();
    std::size_t bytes = 0;
    while (items.size() < kMaxBatchItems) {
      if (!spare_) spare_ = next_();
      if (!spare_) break;
      bytes += spare_->ByteSizeLong();
      if (bytes > kMaxBatchBytes && !items.empty()) break;
      items.Add(*std::exchange(spare_, std::nullopt));
    }
    if (items.empty()) return false;
    pending_.push_back(std::move(request));
    return true;
  }

  const std::function<std::optional<v1::Item>()>& next_;
  IngestReport* const report_;
  v1::IngestStart start_;
  std::optional<v1::Item> spare_;          // Read, and not in a batch yet.
  std::deque<v1::IngestRequest> pending_;  // Not acknowledged; the first is batch committed_ + 1.
  std::uint64_t committed_ = 0;
  std::pair<std::uint64_t, std::uint64_t> forgotten_;  // Counts of before the server forgot us.

  // Of the stream that is open:
  std::size_t sent_ = 0;     // How many of pending_ are on their way.
  bool may_send_ = false;    // It has begun; it is neither half-closed nor draining.
  bool is_complete_ = false;
  std::uint64_t batches_ = 0;
  std::uint64_t bytes_ = 0;   // What credit is left.
  std::uint64_t window_ = 0;  // The most bytes that are ever granted.
};

}  // namespace

grpc::Status ingest(v1::IngestService::StubInterface& stub, const std::string& collection,
                    const std::function<std::optional<v1::Item>()>& next, IngestReport* report) {
  using std::chrono::milliseconds;
  Session session(collection, next, report);
  auto last_progress = std::chrono::steady_clock::now();
  std::minstd_rand random(std::random_device{}());
  for (int attempt = 0;; ++attempt) {
    const std::uint64_t committed = session.committed();
    const grpc::Status status = session.run(stub);
    const Refusal refusal = refusal_of(status);
    const bool passes =
        refusal.code == grpc::StatusCode::UNAVAILABLE || refusal.retry_after.count() > 0;
    const auto now = std::chrono::steady_clock::now();
    if (session.committed() != committed) {
      attempt = 0;
      last_progress = now;
    }
    if (!passes || now - last_progress > kMaxBreak) return status;
    const int ceiling_ms = attempt < 6 ? 100 << attempt : 5'000;
    std::uniform_int_distribution delay_ms(ceiling_ms / 2, ceiling_ms);
    std::this_thread::sleep_for(refusal.retry_after + milliseconds(delay_ms(random)));
  }
}

}  // namespace tihua
