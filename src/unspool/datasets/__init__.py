"""Small real data that ship with the package."""
