"""What NumPy's functions become: instructions of a program, or calls back. `table` says which function goes where."""
