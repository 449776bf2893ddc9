"""Files to sequences."""
