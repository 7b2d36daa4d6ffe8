"""Rewriting a task graph: what plugins edit, and how the edits become a graph again."""
