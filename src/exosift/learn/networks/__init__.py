"""What runs the networks: the only part of the package that imports PyTorch."""
