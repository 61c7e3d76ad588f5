"""The first stage: a run of a function is written down as it happens, by arrays that stand for NumPy's."""
