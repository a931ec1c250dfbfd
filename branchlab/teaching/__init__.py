"""What is played on a network, for people to watch: demo, load, replay, scenarios, torture."""
