"""People, what each of them may do, and the API keys that act for them."""
