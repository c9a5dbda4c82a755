"""PSF subtraction: model × regions × references, joined in one loop (see `engine`)."""
