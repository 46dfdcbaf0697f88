"""Reading a deal request: from a sentence to typed criteria, each with the words that it came from."""
