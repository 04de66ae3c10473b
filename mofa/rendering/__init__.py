"""A differentiable renderer in pure TensorFlow, in the manner of TensorFlow Graphics.

A file is one concept, a function a verb inside a noun, shapes are `[A1, ..., An, V, 3]`, sizes are
`(height, width)`, and row 0 of an image is its top row (TensorFlow Graphics puts it at the bottom).
Gradients run through the visible geometry and the attributes, not through visibility: which
triangle a pixel shows is a constant of the backward pass.
"""
