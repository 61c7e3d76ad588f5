"""What a debug report finds, and how it says it."""
