"""The shapes of requests and answers, one module per resource. They are the contract of docs and OpenAPI."""
