"""Dynamic batching: whatever queues while the model is busy becomes its next batch.

Begin with `batcher.py` (submit, lane, batch) and `workers.py` (the threads). `admission.py` bounds
what may wait, `pixel_room.py` what may be decoded. `gathering`, `flow`, `selection`, `bound`,
`cost` and `pauses` each hold one rule. Inputs are opaque: the tests use integers.
"""
