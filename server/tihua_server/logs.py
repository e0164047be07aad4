"""Logs: one event a line, fields and not prose, on standard error."""

import logging
import sys

import structlog

LEVELS = ("debug", "info", "warning", "error")
"""What `--log-level` takes, from much to little."""

FORMATS = ("text", "json")
"""What `--log-format` takes: for people, for machines."""


def configure_logs(level: str, log_format: str) -> None:
    """Send structlog's events and the libraries' warnings to standard error."""
    number = logging.getLevelNamesMapping()[level.upper()]
    logging.basicConfig(level=max(number, logging.WARNING), format="%(levelname)s %(message)s")
    is_json = log_format == "json"
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            *([structlog.processors.dict_tracebacks] if is_json else []),
            structlog.processors.JSONRenderer(ensure_ascii=False)
            if is_json
            else structlog.dev.ConsoleRenderer(
                colors=sys.stderr.isatty(), pad_event_to=0, pad_level=False, sort_keys=False
            ),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(number),
        logger_factory=structlog.PrintLoggerFactory(file=sys.stderr),
        cache_logger_on_first_use=True,
    )
