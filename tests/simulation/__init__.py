"""Whole networks of real nodes in one process, under virtual time and seeded faults.

One integer, the seed, decides everything that may differ between two runs: when clients ask for what, what
the network loses, delays, repeats or cuts, when a node's disk is slow, when a node is killed and where in its
work. `python -m tests.simulation --help` runs histories; a failing one prints the command that repeats it.

Virtual time, the way of a message and a node's doors are those of the node's own tests (`tests.support`).

The plan of the rooms. Each room uses only what stands below it; test_plan.py checks the plan.

    __main__    the command: plays histories and prints what came of them
    digests     a command: plays seeds with the code of this tree and of another commit
    runner      plays many histories, each twice in separate processes
    worker      one such process
    history     one seed: founding, clients and faults together, healing, and the verdict

    ending/     after the healing
      count       the stock count after disks were lost
      verdict     what must hold in the end
      shortages   the orders that are short of units, where the policy allows to sell too often

    faults/     what goes wrong
      schedule    which fault comes when, and undoing all of them
      links       cut links
      processes   killed, stopped, paused and upgraded processes, and wrong clocks
      disks       lost power, full disks, lost disks, and disks that go back
      clones      a second process on a copy of a disk
      leaving     a branch that is gone for good, and the command that says so
      scene       what every fault may touch

    watching/   the true history, held against every file after every commit
      observer    looks into every file after every commit
      watchman    alarms that nodes raise, and which of them are true
      truth       everything that was committed anywhere
      losses      disks that were lost, went back or were copied: what is nowhere any more
      rollbacks   what a disk that went back forgot, and what that excuses
      forks       what two processes on copies of one disk moved, and what that excuses
      effects     whether an order shows together with what it did to the stock
      parked      the parked events of a file, and which of them nobody can apply any more
      view        the rows of one file, read with SQL of the simulator's own

    people/     the people at the branches
      clients     what they ask, and what the nodes answered
      staff       what admins change about users
      record      the history as a run log, for the checker that judges real networks too
      promises    all that the nodes acknowledged: the verdict holds them to it

    machines/   the machines of the branches, and the network between them
      network     the transport between nodes: loses, repeats, delays, damages and cuts
      machine     a machine: its file, and the process that runs its node
      versions    the next version of the node, beside this one
      next_rows   what the rows of the next version have more
      process     one run of a node: all its tasks, to be killed or halted together
      wal         what a power cut leaves of a database
      disk        the executor of a node: work in virtual time, stalls, and a crash at a commit
      virtual     runs a history in virtual time, and refuses threads
      tampering   damaged messages, and messages that only another version would write

    journal     what happened, in order: its hash is the history's digest
    plan        what the seed makes of the history: sizes, demand, which faults
"""
