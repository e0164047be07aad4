"""`make eval`: how well a running service finds pictures, measured over its own gRPC."""
