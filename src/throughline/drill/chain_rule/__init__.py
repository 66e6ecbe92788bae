"""One sample and one step of a network, every number on one page and right to the digits shown."""
