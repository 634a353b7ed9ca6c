"""What a random deep network is: activations, weight laws, ensembles, networks and their mean field."""
