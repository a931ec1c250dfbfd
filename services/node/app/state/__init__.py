"""What a branch has on its disk, and what changes it.

The pure rules are in `app.domain`. The modules here apply them inside a `Transaction`, or read through a
connection: `tables` read and write rows, `registry` declares what is replicated, `commands` change tables,
`repair` mends altered rows, `salvage` brings back what damaged files hold.
"""
