"""Random and broken input, sent to a running server and to the code that parses it.

`make fuzz` runs everything for a minute; docs/security.md says what is sent and what must hold.
"""
