"""Files in and out: FITS, Zarr stores with manifests, tables, public data."""
