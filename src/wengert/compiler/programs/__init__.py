"""The program, Wengert's list of elementary operations, and what makes it simpler."""
