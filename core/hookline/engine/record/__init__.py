"""What a run records and tells: rows, reasons, events."""
