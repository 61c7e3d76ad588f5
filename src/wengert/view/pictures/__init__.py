"""Folding, layout, and the formats of pictures."""
