"""Workflows declared in YAML: read strictly, with a line for every problem; nothing in them is evaluated."""
