"""Commands about what Fanlight keeps, one file each."""
