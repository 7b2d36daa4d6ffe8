"""Tables that are put together without looking into the future: as-of joins, and labels that are known late."""
