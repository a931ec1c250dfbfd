"""Whole networks of real nodes in one process, under virtual time and seeded faults.

One integer, the seed, decides everything that may differ between two runs: when clients ask for what, what
the network loses, delays, repeats or cuts, when a node's disk is slow, when a node is killed and where in its
work. `python -m tests.simulation --help` runs histories; a failing one prints the command that repeats it.

    history    one seed: founding, clients and faults together, healing, and the verdict
      plan       what the seed makes of the history: sizes, demand, which faults
      machine    a branch's machine: its file, and the process that runs its node or was killed
      process    one run of a node: all its tasks, to be killed or halted with it
      disk       the executor of a node: blocking work in virtual time, stalls, and a crash at a commit
      network    the transport between nodes, with everything a network does to messages
      clients    what people at the branches do, and what they were told
      count      the stock count after disks were lost
      staff      what admins do about users
      tampering  messages that are damaged, or such as only another version would write
      versions   the next version of the node, beside this one; next_rows is what its rows have more
      faults     what goes wrong, when, and undoing it; each kind in link_faults, process_faults, disk_faults,
                 clones
      wal        what a power cut leaves of a database
      rollbacks  disks that went back: what they forgot, and what that excuses
      forks      disks of which two copies ran at once: what both moved, and what that excuses
      observer   looks into every file after every commit and knows the true history
      verdict    what must hold in the end
      shortages  who is short of units, where the policy allows to sell too often
      watchman   alarms that nodes raise, and which of them are true
      record     the history as a run log, for the checker that judges real networks too
      journal    what happened, in order: its hash is the history's digest
    runner     many histories, each twice in separate processes (worker)
    digests    the same histories with the code of this tree and of another commit
    bugs       seeded bugs that the observer has to catch; they live only here
"""
