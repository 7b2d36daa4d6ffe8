"""Versions of data sets: who made which content, when, from what, and how it differs from what was there before."""
