"""The HTTP server: what it bounds before there is any request to judge."""
