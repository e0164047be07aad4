"""Random and broken input against a running server, and against the code that reads it.

`make fuzz` runs all of it for a minute; docs/fuzzing.md says what is sent and what must hold.
"""
