"""Breaking a network on purpose and mending it: links, full disks, lost disks and what is left of them."""
