"""What the adapters of database servers share."""
