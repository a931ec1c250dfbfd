"""What phones in the room see: the network, the verdict and the question, to look at and to vote on."""
