#pragma once

#include <grpcpp/support/status.h>

#include <chrono>
#include <string>

namespace tihua {

// Why a call failed: its code, and what the server's error details say.
struct Refusal {
  grpc::StatusCode code = grpc::StatusCode::OK;
  std::string message;
  // Stable and machine-readable (google.rpc.ErrorInfo); empty where not the server, but the network
  // or a deadline ended the call.
  std::string reason;
  // The request field at fault (google.rpc.BadRequest); empty where there is none.
  std::string field;
  // When the same call may succeed (google.rpc.RetryInfo); 0 if the server does not invite to come
  // back.
  std::chrono::milliseconds retry_after{0};
};

// Explains the status of a call.
Refusal refusal_of(const grpc::Status& status);

}  // namespace tihua
