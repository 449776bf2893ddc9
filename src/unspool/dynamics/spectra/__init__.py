"""Eigenvalues, singular values and Lyapunov exponents."""
