"""Dynamic batching, admission and the threads that compute; knows nothing of models."""
