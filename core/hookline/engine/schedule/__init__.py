"""What may start when, in which order, and how often: no I/O, and no values."""
