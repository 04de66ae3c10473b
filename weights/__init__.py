"""Weight files: which exist, where they come from, and how they become Keras models."""
