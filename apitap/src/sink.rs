//! Where rows go: Arrow batches → a table, everything of one run in one transaction.
