"""What the tests of nodes share, those of one node and the simulated histories alike.

Three rigs stand on each other, and each one says the same with more of a node in it:

    branch     a branch's rows and commands: a database in memory, no clients, no network, no time
    company    whole nodes over real files, a network with faults, virtual time; `tests.recovery.trial` adds
               lost disks and the book of what customers were promised
    tests.simulation.machines
               whole nodes that can be killed at any commit, on a network whose faults a seed draws

They share their parts:

    virtual    the loop, the clock and the executor of virtual time, and holding a process back
    network    the way of a message between nodes, and the network whose faults a test sets
    doors      the application that a node's peers see
    parts      what a node is given in place of the real clock, chance, network and threads
    seams      the connection behind an open database

Three modules make what tests work on: `history` random transactions, `spoiling` events that cannot be
applied, `damaging` damaged files. `contract` holds a node against its OpenAPI document.
"""
