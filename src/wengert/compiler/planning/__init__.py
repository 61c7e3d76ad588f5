"""From a program to a plan: which values share a loop nest, which are kept in memory, and where."""
