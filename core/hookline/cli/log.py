"""Log messages on the terminal: warnings always, more when asked."""

from __future__ import annotations

import logging

from hookline.cli.output import say
from hookline.cli.wording import clean

__all__ = ["log_to_terminal"]

_LEVELS = (logging.WARNING, logging.INFO, logging.DEBUG)


class _Terminal(logging.Handler):
    def emit(self, record: logging.LogRecord) -> None:
        try:
            say(clean(self.format(record)))
        except Exception:  # noqa: BLE001 - logging must never end the program; this is what handlers do
            self.handleError(record)


def log_to_terminal(verbosity: int = 0) -> None:
    """Send hookline's log messages to standard error.

    Args:
        verbosity: 0 for warnings, 1 for what happens, 2 for every detail.
    """
    logger = logging.getLogger("hookline")
    logger.setLevel(_LEVELS[min(verbosity, 2)])
    for handler in [handler for handler in logger.handlers if isinstance(handler, _Terminal)]:
        logger.removeHandler(handler)
    handler = _Terminal()
    handler.setFormatter(
        logging.Formatter("%(levelname)s: %(message)s" if not verbosity else "%(levelname)s %(name)s: %(message)s")
    )
    logger.addHandler(handler)
