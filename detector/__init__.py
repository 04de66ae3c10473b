"""Detecting and undoing an attack with an autoencoder of normal faces (Teng 2021, Section 3.3)."""
