"""`./lab torture`: clients at every branch while all that a driver can break is broken, by a seeded schedule.

schedule   which faults, where and when, decided before anything happens
nemesis    makes the faults and undoes them, several at once, within what the network promises
shoppers   the clients
sampler    asks every node again and again how far it is
timeline   what happened when, in words
command    the verb: a network of its own, the run, and the verdict
"""
