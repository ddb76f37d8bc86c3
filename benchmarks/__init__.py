"""How fast, as ratios of medians measured side by side in one run. `./dev bench` starts a PostgreSQL of its own."""
