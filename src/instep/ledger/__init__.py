"""The ledger: external references, what each side says, and every write, in one database."""
