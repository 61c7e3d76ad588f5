"""The data and the page of the explorer."""
