"""One attempt or batch, wherever it happens: load inputs, hooks, function, store outputs."""
