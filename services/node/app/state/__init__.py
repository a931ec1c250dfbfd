"""What a branch has on its disk, and the commands that change it.

The pure rules are in `app.domain`. The modules here apply them inside a `Transaction`, or read through a
connection. `tables` read and write rows, `registry` declares what is replicated, and `commands` change
tables. `repair` mends altered rows, and `salvage` brings back what damaged files hold.
"""
