"""Rules and transactions: what a branch may do, and how it is written down.

Pure rules (`stock`, `catalogue`, `identity`, `waiting`) import the standard library only. The other
modules apply them inside a `Transaction`, or read through a connection.
"""
