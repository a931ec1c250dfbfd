"""The machines of a history and the network between them, in virtual time: what runs and may break."""
