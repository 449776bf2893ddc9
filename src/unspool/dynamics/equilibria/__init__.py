"""Fixed points and cycles: found, verified, told apart, followed, drawn on a plane."""
