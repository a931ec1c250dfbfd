"""The bounded counter on the node's pure rules alone: no database, no network, a history in a millisecond.

Where `tests.simulation` runs whole nodes, this runs only what decides in them: `app.domain.stock` and
`waiting`, and `app.sync.rules`. What the node loads and stores is done on dictionaries, so that millions of
histories fit into an hour.
`make model` plays them; a failing seed is shown with the command that prints its steps.

    play       one seed: some steps at random, and its end
      history    what may befall a network, how it heals, and what must hold then
      network    messages lost, late, repeated, and cut off
      branch     one branch: clients, grants, events and stock counts
    lives      which life it lives: hello, and the end of an epoch
      ledger     its disk: rows read, written and merged
      shelf      the truth: how many units there really are
      steps      what may happen, and how often
    runner     many histories in several processes
    bugs       wrong rules that must be caught; they live only here
    demand     whether rights follow demand: false stock-outs and transfers
"""
