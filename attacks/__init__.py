"""Attacks on face verification and on codes: they take a differentiable callable, never a network."""
