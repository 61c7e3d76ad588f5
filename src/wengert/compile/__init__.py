"""Native code for traced functions."""
