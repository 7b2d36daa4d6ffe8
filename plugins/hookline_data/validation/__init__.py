"""Whether a table is what its schema says: checks, reports, and what becomes of rows that are not."""
