#include "tihua/refusal.h"

#include <google/protobuf/util/time_util.h>

#include "google/rpc/error_details.pb.h"
#include "google/rpc/status.pb.h"

namespace tihua {

Refusal refusal_of(const grpc::Status& status) {
  Refusal refusal;
  refusal.code = status.error_code();
  refusal.message = status.error_message();
  google::rpc::Status rich;
  rich.ParseFromString(status.error_details());  // None is an empty message.
  google::rpc::ErrorInfo info;
  google::rpc::BadRequest bad_request;
  google::rpc::RetryInfo retry;
  for (const auto& detail : rich.details()) {
    if (detail.UnpackTo(&info)) {
      refusal.reason = info.reason();
    } else if (detail.UnpackTo(&bad_request) && !bad_request.field_violations().empty()) {
      refusal.field = bad_request.field_violations(0).field();
    } else if (detail.UnpackTo(&retry)) {
      refusal.retry_after = std::chrono::milliseconds(
          google::protobuf::util::TimeUtil::DurationToMilliseconds(retry.retry_delay()));
    }
  }
  return refusal;
}

}  // namespace tihua
