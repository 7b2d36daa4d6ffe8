"""The Ray executor: Ray places workers, hookline talks to them itself."""
