"""What the server tells of itself: metrics for Prometheus, and traces for OpenTelemetry.

`telemetry.py` starts and stops them; the rest of the server knows the protocol `Observer` alone.
"""
