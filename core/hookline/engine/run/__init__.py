"""The loop that carries a run from its first task to its last, and what it consists of."""
