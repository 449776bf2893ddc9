"""From a measured series to a system with the same long run."""
