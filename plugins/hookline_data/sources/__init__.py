"""Where data come from: sources as contracts, loads that keep to them, and writes that don't break them."""
