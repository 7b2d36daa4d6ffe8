"""How people talk to hookline: one command group per file. The only home of typer and rich."""
