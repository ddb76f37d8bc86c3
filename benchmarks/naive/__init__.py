"""How a Django developer writes it without thinking of speed: get, change, save, one event a transaction."""
