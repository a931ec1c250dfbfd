"""Asking peers for rights, and counting the shelf with them."""
