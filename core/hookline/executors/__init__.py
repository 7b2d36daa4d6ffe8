"""Where attempts happen: the protocol, and one module or folder per executor."""
