"""Logs: one event a line, fields rather than prose, on standard error.

Everything in the log has the same form: our events, the libraries', Python's warnings, and uncaught
exceptions. A traceback shows frames and messages, but never the values of variables, which may be a
user's text, a picture or a secret.
"""

import logging
import sys
import threading
from collections.abc import MutableMapping
from types import TracebackType
from typing import Any

import structlog
from structlog.tracebacks import ExceptionDictTransformer
from structlog.typing import Processor

from tihua_server.request_id import REQUEST_ID

LEVELS = ("debug", "info", "warning", "error")
"""Values of `--log-level`, the most verbose first."""

FORMATS = ("text", "json")
"""Values of `--log-format`: for people, for machines."""

_log = structlog.get_logger("tihua")


def configure_logs(level: str, log_format: str) -> None:
    """Send structlog's events and the libraries' warnings to standard error."""
    number = logging.getLevelNamesMapping()[level.upper()]
    described: list[Processor] = [
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _add_request_id,
    ]
    rendered = _rendering(log_format)
    structlog.configure(
        processors=[*described, *rendered],
        wrapper_class=structlog.make_filtering_bound_logger(number),
        logger_factory=structlog.PrintLoggerFactory(file=sys.stderr),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[structlog.stdlib.add_logger_name, *described],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *rendered],
        )
    )
    logging.basicConfig(level=max(number, logging.WARNING), handlers=[handler], force=True)
    logging.captureWarnings(capture=True)
    # What Pillow says of a broken picture concerns its sender, who gets it as an error.
    logging.getLogger("PIL").setLevel(logging.CRITICAL)
    logging.getLogger("grpc._cython.cygrpc").addFilter(_is_trouble)
    sys.excepthook = _log_crash
    sys.unraisablehook = _log_ignored
    threading.excepthook = _log_dead_thread


def _is_trouble(record: logging.LogRecord) -> bool:
    """Return whether a log record of gRPC's is a problem; a caller that left is not."""
    if not record.getMessage().startswith("ExecuteBatchError raised in core"):
        return True
    _log.info("a caller left while it was answered", why=record.getMessage())
    return False


def _rendering(log_format: str) -> list[Processor]:
    if log_format == "json":
        return [
            structlog.processors.ExceptionRenderer(ExceptionDictTransformer(show_locals=False)),
            structlog.processors.JSONRenderer(ensure_ascii=False),
        ]
    return [
        structlog.dev.ConsoleRenderer(
            colors=sys.stderr.isatty(),
            pad_event_to=0,
            pad_level=False,
            sort_keys=False,
            exception_formatter=structlog.dev.plain_traceback,
        )
    ]


def _add_request_id(
    logger: object, method: str, event: MutableMapping[str, Any]
) -> MutableMapping[str, Any]:
    if request_id := REQUEST_ID.get():
        event["request_id"] = request_id
    return event


def _log_crash(
    kind: type[BaseException], error: BaseException, trace: TracebackType | None
) -> None:
    _log.critical("the server died of a bug", exc_info=error)


def _log_ignored(lost: "sys.UnraisableHookArgs") -> None:
    where = getattr(lost.object, "__qualname__", type(lost.object).__name__)
    _log.error(lost.err_msg or "exception ignored", where=where, exc_info=lost.exc_value)


def _log_dead_thread(lost: threading.ExceptHookArgs) -> None:
    if lost.exc_type is not SystemExit:
        name = lost.thread.name if lost.thread else ""
        _log.error("a thread died", thread=name, exc_info=lost.exc_value)
