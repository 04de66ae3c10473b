"""Cameras: from points in camera space to pixels and back."""
