"""Data that can be trusted: sources as contracts, validation, versions, joins and splits without leakage.

A plugin of hookline. Its public names are imported on first use; pandera, narwhals and the library of frames with them.
"""
