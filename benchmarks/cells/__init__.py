"""Every cell on five tasks with equal numbers of parameters, for docs/choosing-a-cell.md."""
