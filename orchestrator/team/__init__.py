"""Teams of agents: in this process or as Ray actors, supervised."""
