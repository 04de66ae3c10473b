"""Faces in: image files, data sets, pairs, landmarks and alignment."""
