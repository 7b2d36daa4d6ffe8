"""How things are said: close matches, values as short texts, tables of text."""
