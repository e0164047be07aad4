import { type ServiceError, status } from "@grpc/grpc-js";

import { BadRequest, ErrorInfo, RetryInfo } from "./gen/google/rpc/error_details.js";
import { Status } from "./gen/google/rpc/status.js";

/** Why a call failed: its code, and what the server's error details say. */
export interface Refusal {
  code: status;
  message: string;
  /** Stable and machine-readable (google.rpc.ErrorInfo); empty where not the server, but the network or a deadline ended the call. */
  reason: string;
  /** The request field at fault (google.rpc.BadRequest); empty where there is none. */
  field: string;
  /** When the same call may succeed (google.rpc.RetryInfo); 0 if the server does not invite to come back. */
  retryAfterMs: number;
}

/** Explains the error of a call; what is no error of a call is thrown again. */
export function refusalOf(error: unknown): Refusal {
  if (!isServiceError(error)) {
    throw error;
  }
  const refusal = { code: error.code, message: error.details, reason: "", field: "", retryAfterMs: 0 };
  const [encoded] = error.metadata.get("grpc-status-details-bin");
  for (const { typeUrl, value } of encoded instanceof Buffer ? Status.decode(encoded).details : []) {
    switch (typeUrl.split("/").at(-1)) {
      case "google.rpc.ErrorInfo":
        refusal.reason = ErrorInfo.decode(value).reason;
        break;
      case "google.rpc.BadRequest":
        refusal.field = BadRequest.decode(value).fieldViolations[0]?.field ?? "";
        break;
      case "google.rpc.RetryInfo": {
        const delay = RetryInfo.decode(value).retryDelay;
        refusal.retryAfterMs = delay ? delay.seconds * 1e3 + delay.nanos / 1e6 : 0;
      }
    }
  }
  return refusal;
}

function isServiceError(error: unknown): error is ServiceError {
  return error instanceof Error && "code" in error && "details" in error && "metadata" in error;
}
