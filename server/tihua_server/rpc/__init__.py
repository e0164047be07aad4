"""The services over gRPC: messages in, messages out, and the status of each error.

A call passes `methods` (may the caller?), `call` (its id, deadline, log and status) and a
`*_service`, which reads the message (`requests`, `item_requests`, `search_requests`) and answers it
(`answers`, `filling`). `entrance` is the port; `readiness` feeds `health_service`.
"""
