"""When a result may be reused: code fingerprint, key, why."""
