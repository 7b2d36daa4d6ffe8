"""What a notebook shows: progress in the cell, and runs, plans and graphs that draw themselves."""
