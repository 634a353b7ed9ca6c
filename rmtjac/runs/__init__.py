"""Random streams, the replicate runner and provenance: it knows tasks and bytes only."""
