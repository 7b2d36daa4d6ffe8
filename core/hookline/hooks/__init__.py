"""How plugins join: specs, loader, registry, built-in registrations. The only home of pluggy."""
