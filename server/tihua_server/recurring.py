"""Logging of errors that may recur at every try: in full once, and not again until one succeeds.

A failing model is given a sample every two seconds (`model_watch.py`): with a traceback for each,
a night of that would leave little else in the log.
"""

import re

import structlog

_log = structlog.get_logger("tihua")

_VARYING = re.compile(r"0x[0-9a-fA-F]+|\d+")
"""The parts of a message that vary: addresses, and numbers such as the free bytes."""


class RecurringErrors:
    """Logs the errors of one operation that is tried again and again, in any threads."""

    def __init__(self, event: str) -> None:
        """Log errors as `event`."""
        self._event = event
        self._known: set[str] = set()

    def log(self, error: Exception, **fields: object) -> None:
        """Log an error with its traceback, unless one like it was logged since the last success.

        Args:
            error: what went wrong.
            **fields: further fields of the log line.
        """
        likeness = f"{type(error).__name__} {_VARYING.sub('', str(error))}"
        if likeness not in self._known:
            self._known.add(likeness)
            _log.error(self._event, **fields, exc_info=error)

    def succeeded(self) -> None:
        """Forget the known errors: the operation succeeded."""
        if self._known:
            self._known = set()
