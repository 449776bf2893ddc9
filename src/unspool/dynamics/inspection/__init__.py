"""All analyses of one network, and what they say together."""
