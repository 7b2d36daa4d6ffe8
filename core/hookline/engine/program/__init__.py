"""A task graph made ready to run: code fingerprinted, constants encoded, arguments worked out."""
