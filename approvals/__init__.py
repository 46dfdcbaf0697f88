"""One decision service and one inbox for every human decision."""
