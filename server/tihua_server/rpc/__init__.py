"""The services over gRPC: messages in, messages out, and the status of each error."""
