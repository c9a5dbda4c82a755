"""How much the steps need and where they run; the only importer of dask."""
