"""What doctor looks for on the machine and in the shell around the lab, one small check each."""
