"""Whole networks of real nodes in one process, under virtual time and seeded faults.

One integer, the seed, decides everything that may differ between two runs:

- which requests clients send, and when;
- which messages the network loses, delays, repeats or cuts off;
- when a node's disk is slow, and at which step of its work a node is killed;
- with `--liars`, which member lies, and how.

`python -m tests.simulation --help` explains how to run histories. A history that fails prints the command
that repeats it. Virtual time, the transport of messages and the routes are those of the node's own tests
(`tests.support`).

The plan of the rooms. Each room uses only those below it; test_plan.py checks the plan.

    __main__    the command: plays histories and prints what came of them
    digests     a command: plays seeds with the code of this tree and of another commit
    runner      plays many histories, each twice in separate processes
    worker      one such process
    history     one seed: founding, clients and faults together, healing, and the verdict

    ending/     after the faults are healed
      quiet       the waiting until nothing is pending and all nodes are alike
      count       the stock count after lost disks
      verdict     the promises that must hold at the end
      files       the rows that the nodes' files hold by then, and whether they are at rest
      shortages   the orders that are short of units, where the policy allows overselling
      last_sales  what every honest branch shows and sells, after a member lied

    lying/      a member that lies, where one does
      living      what it does by itself: its node, its requests, the old ones again, and floods
      liar        what it sends and answers instead of what its node says
      lies        which lies there are of each kind
      hellos      lies about lives and members
      rows        lies about stock, orders and the catalogue
      receipts    lies in answers: what was stored, what a page holds, what is refused
      telling     a message of the liar that is about to leave
      heard       what it has learned about the others

    faults/     the faults, one module for each place that they break
      schedule    which fault comes when, and the healing of all of them
      links       cut links
      processes   killed, stopped, paused and upgraded processes, and wrong clocks
      disks       lost power, full disks, lost disks, and disks that go back
      clones      a second process on a copy of a disk
      leaving     a branch that is lost for good, and its decommissioning
      scene       the machines and the network that every fault may use

    watching/   compares the true history with every file after every commit
      observer    reads every file after every commit
      watchman    the alarms that nodes raise, and which of them are true
      truth       everything that was committed on any machine
      losses      disks that were lost, went back or were copied, and the rows lost with them
      rollbacks   the rows that a disk lost when it went back, and the errors that this excuses
      forks       the units that two processes on copies of one disk moved, and the errors that this excuses
      claims      what a member that lies says of its own stock, and what others may sell by it
      effects     whether an order shows together with its effect on the stock
      parked      the parked events of a file, and which of them no node can apply any more
      view        the rows of one file, read with the simulator's own SQL

    people/     the people at the branches
      clients     the requests they send, and the nodes' answers
      staff       the changes that admins make to users
      record      the history as a run log, for the checker that also judges real networks
      promises    everything that nodes acknowledged; the verdict checks it

    machines/   the machines of the branches, and the network between them
      network     the transport between nodes: loses, repeats, delays, damages and cuts
      machine     a machine: its file, and the process that runs its node
      settings    the settings of its node
      versions    the next version of the node, beside this one
      next_rows   the fields and rows that the next version adds
      process     one run of a node: all its tasks, which are killed or halted together
      wal         the bytes of a database that a power cut leaves
      disk        the executor of a node: work in virtual time, stalls, and a crash at a commit
      virtual     runs a history in virtual time, and refuses threads
      tampering   damaged messages, and messages that only another version would write

    result      what came of a history
    journal     all that happened, in order: its hash is the history's digest
    plan        the history that a seed draws: sizes, demand, which faults
    scratch     where the files of a history are while it is played
"""
