"""A campaign as its client sees it: the plan without seller prices, the client's answer, comments, read-only links."""
