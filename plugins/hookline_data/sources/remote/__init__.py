"""Databases and the web: asked, written and fetched from, without telling what is secret."""
