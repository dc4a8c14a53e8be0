"""Where recordings and prepared audio live, behind the ObjectStore port."""
