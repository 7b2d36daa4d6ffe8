"""Tables of pandas and polars, treated alike: their libraries, columns, types and times."""
