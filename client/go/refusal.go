package tihua

import (
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// Refusal tells why a call failed: its code, and what the server's error details say.
type Refusal struct {
	Code    codes.Code
	Message string
	// Reason is stable and machine-readable (google.rpc.ErrorInfo); empty where not the server, but
	// the network or a deadline ended the call.
	Reason string
	// Field is the request field at fault (google.rpc.BadRequest); empty where there is none.
	Field string
	// RetryAfter is when the same call may succeed (google.rpc.RetryInfo); 0 if the server does not
	// invite to come back.
	RetryAfter time.Duration
}

// RefusalOf explains the error of a call.
func RefusalOf(err error) Refusal {
	answer := status.Convert(err)
	refusal := Refusal{Code: answer.Code(), Message: answer.Message()}
	for _, detail := range answer.Details() {
		switch detail := detail.(type) {
		case *errdetails.ErrorInfo:
			refusal.Reason = detail.GetReason()
		case *errdetails.BadRequest:
			if violations := detail.GetFieldViolations(); len(violations) > 0 {
				refusal.Field = violations[0].GetField()
			}
		case *errdetails.RetryInfo:
			refusal.RetryAfter = detail.GetRetryDelay().AsDuration()
		}
	}
	return refusal
}
