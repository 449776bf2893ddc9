"""The differential equation behind a recurrence, and how well it stands for it."""
