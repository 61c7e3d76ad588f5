"""From text to machine code that runs: LLVM, the cache on disk, threads, and the ways into a compiled function."""
