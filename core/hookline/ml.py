"""Nouns that plugins exchange: frozen, without dependencies. Filled by the plugins issue."""
