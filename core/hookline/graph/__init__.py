"""How tasks depend on each other: build, check, select, render. The only home of networkx."""
