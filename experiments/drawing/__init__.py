"""Figures and grids."""
