#include "tihua/ingest.h"

#include <grpcpp/client_context.h>

#include <chrono>
#include <deque>
#include <random>
#include <sstream>
#include <thread>
#include <utility>

#include "batches.h"
#include "tihua/refusal.h"

namespace tihua {
namespace {

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
      : batches_(next, report), report_(report) {
    start_.set_collection(collection);
    start_.set_session_id(random_id());
  }

  // Grows with each batch that is read, and with each that is acknowledged. By the end of a stream
  // that rested too long it has grown, too: a stream rests only while the next batch is read.
  std::uint64_t progress() const { return 2 * start_.read_seq() + pending_.size(); }

  // Reading and writing take turns: the server reads what it granted, whether we read or not.
  grpc::Status run(v1::IngestService::StubInterface& stub) {
    ++report_->streams;
    sent_ = 0;
    may_send_ = is_complete_ = false;
    credit_batches_ = credit_bytes_ = 0;
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
        resume_seq_ = response.started().committed_seq();
        grant(response.started().credit());
        window_ = credit_bytes_;
        may_send_ = true;
        break;
      case v1::IngestResponse::kCredit:
        grant(response.credit());
        break;
      case v1::IngestResponse::kAck:
        acknowledge(response.ack());
        break;
      case v1::IngestResponse::kDraining:
        may_send_ = false;
        break;
      case v1::IngestResponse::kSummary:
        is_complete_ = true;
        break;
      case v1::IngestResponse::MESSAGE_NOT_SET:
        break;
    }
  }

  void grant(const v1::IngestCredit& credit) {
    credit_batches_ += credit.batches();
    credit_bytes_ += credit.bytes();
  }

  // Forgets the batches that are safe, and keeps what the next stream's server is told.
  void acknowledge(const v1::IngestAck& ack) {
    for (const auto& failure : ack.errors()) {
      const Batch& batch = pending_[failure.seq() - start_.read_seq() - 1];
      v1::ItemError& error = report_->errors.emplace_back(failure.error());
      error.set_index(batch.first + error.index());
    }
    for (auto seq = start_.read_seq(); seq < ack.committed_seq(); ++seq) {
      pending_.pop_front();
      if (sent_ > 0) --sent_;
    }
    start_.set_read_seq(ack.committed_seq());
    start_.set_items_written(report_->written = ack.items_written());
    start_.set_items_failed(ack.items_failed());
    report_->failed = ack.items_failed() + batches_.failed();
    start_.set_items_skipped(ack.items_skipped());
  }

  // Sends what credit allows, and half-closes after the last batch. A stream that does not take it
  // has ended, and Finish tells why.
  grpc::Status send(Stream& stream) {
    while (may_send_ && start_.read_seq() >= resume_seq_) {
      if (sent_ == pending_.size()) {
        auto next = batches_.next(window_);
        if (!next) {
          may_send_ = false;
          stream.WritesDone();
          break;
        }
        pending_.push_back(*std::move(next));
      }
      v1::IngestRequest& request = pending_[sent_].request;
      request.mutable_batch()->set_seq(start_.read_seq() + sent_ + 1);
      const std::uint64_t size = request.ByteSizeLong();
      if (size > window_) {
        return {grpc::StatusCode::INVALID_ARGUMENT,
                "this server takes " + std::to_string(window_) +
                    " bytes at once; a batch for the one before has " + std::to_string(size)};
      }
      if (credit_batches_ == 0 || credit_bytes_ < size || !stream.Write(request)) break;
      ++sent_;
      --credit_batches_;
      credit_bytes_ -= size;
    }
    return grpc::Status::OK;
  }

  Batches batches_;
  IngestReport* const report_;
  v1::IngestStart start_;      // Says what is acknowledged, too.
  std::deque<Batch> pending_;  // Not acknowledged; the first is read_seq() + 1.

  // Of the stream that is open:
  std::uint64_t resume_seq_ = 0;  // Safe; the ack that says so is read before anything is sent.
  std::size_t sent_ = 0;          // How many of pending_ are on their way.
  bool may_send_ = false;         // It has begun; it is neither half-closed nor draining.
  bool is_complete_ = false;
  std::uint64_t credit_batches_ = 0;
  std::uint64_t credit_bytes_ = 0;
  std::uint64_t window_ = 0;      // The most credit there ever is, in bytes.
};

}  // namespace

grpc::Status ingest(v1::IngestService::StubInterface& stub, const std::string& collection,
                    const std::function<std::optional<v1::Item>()>& next, IngestReport* report) {
  using std::chrono::milliseconds;
  *report = {};
  Session session(collection, next, report);
  std::uint64_t progress = 0;
  std::chrono::steady_clock::time_point broken_since;
  std::minstd_rand random(std::random_device{}());
  for (int attempt = 0;; ++attempt) {
    const grpc::Status status = session.run(stub);
    const Refusal refusal = refusal_of(status);
    const auto now = std::chrono::steady_clock::now();
    if (attempt == 0 || session.progress() != progress) {  // The first break since it got on.
      attempt = 0;
      progress = session.progress();
      broken_since = now;
    }
    // A server that was stopping says CANCELLED.
    const bool passes = refusal.code == grpc::StatusCode::UNAVAILABLE ||
                        refusal.code == grpc::StatusCode::CANCELLED ||
                        refusal.retry_after.count() > 0;
    const bool is_over = now - broken_since > kMaxBreak;
    if (!passes || is_over) return status;
    const int ceiling_ms = attempt < 6 ? 100 << attempt : 5'000;
    std::uniform_int_distribution delay_ms(ceiling_ms / 2, ceiling_ms);
    std::this_thread::sleep_for(refusal.retry_after + milliseconds(delay_ms(random)));
  }
}

}  // namespace tihua
